import { Effect, Schema } from "effect"

/** What a transaction that waited too long for a row learns: the rows it wanted may be held by one that waits for it. */
export class LockTimeout extends Schema.TaggedError<LockTimeout>()("LockTimeout", {
  lock: Schema.String,
  /** Label of the statement that waited. */
  statement: Schema.String,
  milliseconds: Schema.Number
}) {}

/** Who can hold row locks: a transaction. */
export interface Holder {
  readonly locks: Set<string>
}

interface Waiter {
  readonly holder: Holder
  readonly granted: () => void
}

interface Lock {
  holder: Holder
  readonly waiting: Array<Waiter>
}

const WAIT_MILLIS = 5_000

/** Row locks, held to the end of their transaction and handed over first come, first served. */
export interface MemoryLocks {
  /** Takes the locks one after another in the order given; those already held count. */
  readonly acquire: (
    holder: Holder,
    statement: string,
    locks: ReadonlyArray<string>
  ) => Effect.Effect<void, LockTimeout>
  readonly release: (holder: Holder) => void
}

export const memoryLocks = (): MemoryLocks => {
  const held = new Map<string, Lock>()

  const release = (holder: Holder): void => {
    for (const name of holder.locks) {
      const lock = held.get(name)
      if (lock === undefined) continue
      // Handed over, not freed: a newcomer must not overtake those who wait.
      const next = lock.waiting.shift()
      if (next === undefined) {
        held.delete(name)
        continue
      }
      lock.holder = next.holder
      next.holder.locks.add(name)
      next.granted()
    }
    holder.locks.clear()
  }

  const take = (holder: Holder, name: string): boolean => {
    const lock = held.get(name)
    if (lock === undefined) held.set(name, { holder, waiting: [] })
    else if (lock.holder !== holder) return false
    holder.locks.add(name)
    return true
  }

  const wait = (holder: Holder, name: string): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      if (take(holder, name)) return resume(Effect.void)
      const lock = held.get(name)
      const waiter: Waiter = { holder, granted: () => resume(Effect.void) }
      lock?.waiting.push(waiter)
      return Effect.sync(() => {
        const at = lock?.waiting.indexOf(waiter) ?? -1
        if (at >= 0) lock?.waiting.splice(at, 1)
      })
    })

  const acquire = Effect.fnUntraced(function*(holder: Holder, statement: string, locks: ReadonlyArray<string>) {
    for (const name of locks) {
      if (take(holder, name)) continue
      yield* wait(holder, name).pipe(
        Effect.timeoutOrElse({
          duration: WAIT_MILLIS,
          orElse: () => Effect.fail(new LockTimeout({ lock: name, statement, milliseconds: WAIT_MILLIS }))
        })
      )
    }
  })

  return { acquire, release }
}
