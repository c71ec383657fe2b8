import { Arbitrary, Effect } from "effect"
import { type Sequence, sequences } from "../src/Sequence.ts"
import { play } from "./play.ts"
import { type Adapter, makeRig } from "./Rig.ts"

/** How long sequences get, on their way from the first run to the last; Sequence.ts bounds the rest. */
const SIZE = 10

export interface Divergence {
  readonly seed: string
  readonly sequence: Sequence
  readonly fault: string
}

/** One command a line, `|` before those that come at the same time as the one before. */
export const printed = (sequence: Sequence): string =>
  sequence.map((commands) => commands.map((command) => JSON.stringify(command)).join("\n    | ")).join("\n    ")

/** Plays this many sequences on one store; gives the smallest of them that could be found to fail, if one does. */
export const checkSequences = Effect.fnUntraced(function*(
  { adapter, runs, seed }: {
    readonly adapter: Adapter
    readonly runs: number
    readonly seed: string
  }
) {
  const rig = yield* makeRig(adapter)
  const result = yield* Arbitrary.checkEffect(
    sequences,
    (sequence) =>
      Effect.flatMap(
        Effect.orDie(play(rig, sequence)),
        (fault) => fault === undefined ? Effect.succeed(true) : Effect.fail(fault)
      ),
    { runs, seed, size: SIZE, concurrency: 16, maxShrinks: 400 }
  )
  if (result._tag === "Passed") return undefined
  if (result._tag !== "Falsified") return yield* Effect.die(new Error(`seed ${seed}: ${result._tag}`))
  const fault = result.failure._tag === "PropertyError" ? result.failure.error : "false"
  const divergence: Divergence = { seed, sequence: result.shrunkInput, fault }
  return divergence
}, Effect.scoped)
