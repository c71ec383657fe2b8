import { Effect, References } from "effect"
import { checkSequences, type Divergence } from "./checkSequences.ts"
import type { Adapter } from "./Rig.ts"

/** Sequences on one store: then the next, for a store grows and a failure should be cheap to repeat. */
export const CHUNK: Readonly<Record<Adapter, number>> = { memory: 1_000, postgres: 250 }

/** What a worker is told at its start, as JSON in its one argument. */
export interface Assignment {
  readonly adapter: Adapter
  readonly seed: string
  /** The chunks to play, each with a seed of its own. */
  readonly chunks: ReadonlyArray<{ readonly chunk: number; readonly runs: number }>
}

/** What a worker says after each chunk. */
export interface Played {
  readonly chunk: number
  readonly runs: number
  readonly divergence: Divergence | undefined
}

export const playChunk = ({ adapter, seed }: Assignment, chunk: number, runs: number): Effect.Effect<Played> =>
  checkSequences({ adapter, runs, seed: `${seed}/${chunk}` }).pipe(
    Effect.orDie,
    Effect.map((divergence) => ({ chunk, runs, divergence })),
    Effect.provideService(References.MinimumLogLevel, "None")
  )
