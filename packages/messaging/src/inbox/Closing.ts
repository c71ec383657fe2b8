import { type Duration, Effect, Latch } from "effect"

/** Lets work that is under way come to its end before the place closes, and no other begin. */
export interface Closing {
  /** Runs the effect; once closed it never begins. */
  readonly during: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** A pause of such work: it does not hold up the closing, and after the closing it never ends. */
  readonly away: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Closes and waits for what is under way, at most this long. */
  readonly close: (patience: Duration.Input) => Effect.Effect<void>
}

export const makeClosing: Effect.Effect<Closing> = Effect.sync(() => {
  const idle = Latch.makeUnsafe(true)
  let running = 0
  let closed = false
  const enter = Effect.suspend(() => {
    if (closed) return Effect.never
    running++
    idle.closeUnsafe()
    return Effect.void
  })
  const leave = Effect.sync(() => {
    running--
    if (running === 0) idle.openUnsafe()
  })
  return {
    during: (effect) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(enter), () => Effect.ensuring(restore(effect), leave))
      ),
    away: (effect) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(
          leave,
          () =>
            restore(Effect.tap(effect, () => closed ? Effect.never : Effect.void)).pipe(
              Effect.ensuring(Effect.sync(() => {
                running++
                idle.closeUnsafe()
              }))
            )
        )
      ),
    close: (patience) =>
      Effect.suspend(() => {
        closed = true
        return Effect.asVoid(Effect.timeoutOption(idle.await, patience))
      })
  }
})
