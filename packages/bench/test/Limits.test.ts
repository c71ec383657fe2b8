import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { frozen, hashOf } from "../src/Limits.ts"

/** A change to a limit changes what every earlier figure was a ratio to: it takes a new line here, and says why. */
const known = {
  "create.mjs": "7324ee9bd536261a183cf79e7d494f13fd2b13e989cb2e439a6b028430568d81",
  "create.sql": "4ee80fea98c9ccd0a38d1c99ad315eed96ff71b56e74bd6771da0ff8f5be4982",
  "saga/schema.sql": "7b76fa5879319d7e6e093fcbabd23e9475c66b6e214ec428e04bd95e24527c88",
  "saga/create.sql": "824f87b460a753e27dd89ed33cf7b491bdce4888bf6bd5a6c7175a4878015211",
  "saga/consume.sql": "3530ae4c253aa3f7276dbb63f15619622e2cb56413d43557b1afd1e15fa18d9b"
}

it.effect("the limits are the programs that earlier figures were ratios to", () =>
  Effect.gen(function*() {
    const found = yield* Effect.forEach(frozen, (name) => Effect.map(hashOf(name), (hash) => [name, hash] as const))
    assert.deepStrictEqual(Object.fromEntries(found), known)
  }))
