import { assert, describe, it } from "@effect/vitest"
import { hunt } from "../src/mutants/hunt.ts"
import { mutants } from "../src/mutants/mutants.ts"

// Those that show themselves soon; `npm run simulate -- --mutants` hunts them all.
const quick = [
  "ack before commit",
  "charge blindly, and no inbox",
  "refund swallowed where it comes with its charge",
  "no row locks in payment-service",
  "no row locks in order-service",
  "resume off by one",
  "parked keys are not seen (feed)",
  "poison leaves no letter",
  "what waits is forgotten"
]

describe("the simulation notices", { timeout: 120_000 }, () => {
  for (const name of quick) {
    it(name, () => {
      const mutant = mutants.find((one) => one.name === name)
      assert.isDefined(mutant === undefined ? undefined : hunt(mutant.services, 1, 60))
    })
  }
})
