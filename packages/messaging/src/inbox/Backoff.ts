import { Effect, Random } from "effect"

const FIRST_PAUSE = 100
const LONGEST_PAUSE = 5_000

/** Milliseconds to wait after the nth setback in a row; half of it by chance, so that replicas do not return as one. */
export const backoff = (nth: number): Effect.Effect<number> =>
  Effect.map(
    Random.next,
    (random) => Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(nth - 1, 16)) * (0.5 + random / 2)
  )
