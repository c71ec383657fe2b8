import { Deferred, Effect, Exit, type Semaphore } from "effect"
import type { Entry } from "./Entry.ts"

export interface LanesOptions<M, E, R> {
  /** Bounds the transactions of a consumer that run at once. */
  readonly permits: Semaphore.Semaphore
  /** The most messages of several batches in one transaction. */
  readonly most: number
  /** One transaction over the messages of several partitions, reported if it commits. */
  readonly together: (entries: ReadonlyArray<Entry<M>>) => Effect.Effect<void, E, R>
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** A batch of one partition on its way into a transaction. */
interface Waiting<M> {
  readonly entries: ReadonlyArray<Entry<M>>
  /** Whether the transaction that took it in was committed. */
  readonly committed: Deferred.Deferred<boolean>
}

/**
 * Batches that find a lane free go at once; those that wait for one share the next transaction, in the order of their
 * coming: small batches of many partitions would cost a transaction each. No timer, so nobody waits for company.
 *
 * Batches share a transaction but no fate: if it fails, each goes again by itself.
 */
export const makeLanes = <M, E, R>({ most, permits, together }: LanesOptions<M, E, R>) => {
  const waiting: Array<Waiting<M>> = []

  /** From the one that waits longest on. */
  const next = (): ReadonlyArray<Waiting<M>> => {
    let messages = 0
    const over = waiting.findIndex(({ entries }) => (messages += entries.length) > most)
    return waiting.splice(0, over < 0 ? waiting.length : Math.max(1, over))
  }

  /** A message that lies in two partitions (their number was changed) is taken once. */
  const messagesOf = (group: ReadonlyArray<Waiting<M>>): ReadonlyArray<Entry<M>> => {
    const entries = new Map<string, Entry<M>>()
    for (const batch of group) {
      for (const entry of batch.entries) if (!entries.has(entry.messageId)) entries.set(entry.messageId, entry)
    }
    return [...entries.values()]
  }

  const share = (group: ReadonlyArray<Waiting<M>>, restore: Restore) =>
    restore(Effect.suspend(() => together(messagesOf(group)))).pipe(
      Effect.onExit((exit) =>
        Effect.forEach(group, ({ committed }) => Deferred.succeed(committed, Exit.isSuccess(exit)), { discard: true })
      ),
      Effect.exit
    )

  return {
    /** Runs a transaction of one batch alone. */
    alone: <A, E2, R2>(self: Effect.Effect<A, E2, R2>): Effect.Effect<A, E2, R2> => permits.withPermits(1)(self),

    /**
     * Runs `alone`, the transaction of these messages; or, where others wait too, one with theirs. Answers undefined when
     * that one was committed; when it was not, `alone` is run after all.
     */
    shared: <A, E2, R2>(
      entries: ReadonlyArray<Entry<M>>,
      alone: Effect.Effect<A, E2, R2>
    ): Effect.Effect<A | undefined, E2, R | R2> =>
      Effect.suspend(() => {
        const mine: Waiting<M> = { entries, committed: Deferred.makeUnsafe() }
        waiting.push(mine)
        // Whoever took others in must not be gone before they are told what became of them.
        const turn = Effect.uninterruptibleMask((restore) =>
          Effect.gen(function*() {
            while (waiting.includes(mine)) {
              const group = next()
              if (group.length === 1 && group[0] === mine) return { answer: yield* restore(alone) }
              yield* share(group, restore)
            }
            return undefined
          })
        )
        return Effect.gen(function*() {
          const taken = yield* permits.withPermits(1)(turn)
          if (taken !== undefined) return taken.answer
          return (yield* Deferred.await(mine.committed)) ? undefined : yield* permits.withPermits(1)(alone)
        }).pipe(
          // Whoever is gone before a lane took it in need not be handled.
          Effect.onInterrupt(() =>
            Effect.sync(() => {
              const at = waiting.indexOf(mine)
              if (at >= 0) waiting.splice(at, 1)
            })
          )
        )
      })
  }
}
