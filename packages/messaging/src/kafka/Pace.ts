import { Effect, FiberSet, type Scope } from "effect"

/** In milliseconds: how much later than it might a message come that is behind others under load. */
const LONGEST = 20

/**
 * When kafkajs may fetch again after what it has just read: once all of it is handled, at the latest after so many
 * milliseconds. Without that it asks the broker for every single message while the ones before are at work; so messages
 * gather at the broker instead, and nobody waits where there is no work. A handler that takes long holds up neither
 * fetches nor heartbeats.
 */
export const makePace = (free: Effect.Effect<void>): Effect.Effect<() => Promise<void>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const fork = yield* FiberSet.makeRuntime<never, void, never>()
    const pause = Effect.raceFirst(free, Effect.sleep(LONGEST))
    let pausing: Promise<void> | undefined
    // One for all partitions of a fetch. Ends in any case, also at the end of the scope.
    return () =>
      pausing ??= new Promise<void>((resolve) => fork(pause).addObserver(() => resolve())).then(() => {
        pausing = undefined
      })
  })
