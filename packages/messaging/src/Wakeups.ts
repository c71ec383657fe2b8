import { Effect, Latch, type Scope } from "effect"

/** Tells any number of listeners that something is there to do. Calls that nobody has answered yet count as one. */
export interface Wakeups {
  readonly wake: Effect.Effect<void>
  /** The effect given waits for a call made since it last answered (or since listening began). */
  readonly listen: Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
}

export const makeWakeups = (): Wakeups => {
  const latches = new Set<Latch.Latch>()
  return {
    wake: Effect.sync(() => latches.forEach((latch) => latch.openUnsafe())),
    listen: Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const latch = Latch.makeUnsafe(false)
          latches.add(latch)
          return latch
        }),
        (latch) => Effect.sync(() => void latches.delete(latch))
      ),
      (latch) => Effect.andThen(latch.await, latch.close)
    )
  }
}
