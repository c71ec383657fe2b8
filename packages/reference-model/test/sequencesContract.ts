import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { checkSequences, printed } from "./checkSequences.ts"
import type { Adapter } from "./Rig.ts"

/** Milliseconds. They take seconds; a busy machine must not fail them. */
const PATIENCE = 180_000

/** Always the same sequences, and some that nobody has seen before. */
export const sequencesContract = (adapter: Adapter, runs: { readonly fixed: number; readonly fresh: number }) => {
  const holds = (seed: string, count: number) =>
    Effect.gen(function*() {
      const found = yield* checkSequences({ adapter, runs: count, seed })
      assert.isUndefined(
        found,
        found && `seed ${seed}: ${found.fault}\nsmallest sequence found:\n    ${printed(found.sequence)}\n`
      )
    })
  it.live(
    `is explained by the model in ${runs.fixed} sequences of the seed "store"`,
    () => holds("store", runs.fixed),
    PATIENCE
  )

  it.live(
    `is explained by the model in ${runs.fresh} sequences of a fresh seed`,
    () => Effect.suspend(() => holds(randomUUID(), runs.fresh)),
    PATIENCE
  )
}
