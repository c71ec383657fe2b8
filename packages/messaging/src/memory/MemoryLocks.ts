import { Effect, Schema } from "effect"

/** What a transaction that waited too long for a row learns: the rows it wanted may be held by one that waits for it. */
export class LockTimeout extends Schema.TaggedError<LockTimeout>()("LockTimeout", {
  lock: Schema.String,
  /** Label of the statement that waited. */
  statement: Schema.String,
  milliseconds: Schema.Finite
}) {}

/** The row that a transaction wants is held by one that, directly or through others, waits for a row of its own. */
export class Deadlock extends Schema.TaggedError<Deadlock>()("Deadlock", {
  lock: Schema.String,
  statement: Schema.String
}) {}

/** Who can hold row locks: a transaction. */
export interface Holder {
  readonly locks: Set<string>
  /** The one lock that it waits for. */
  waitsFor: string | undefined
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
  ) => Effect.Effect<void, LockTimeout | Deadlock>
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

  /** Whether waiting for the lock would close a ring; each transaction waits for one lock at most, so it is a walk. */
  const closesRing = (holder: Holder, name: string): boolean => {
    for (let at: string | undefined = name; at !== undefined;) {
      const owner: Holder | undefined = held.get(at)?.holder
      if (owner === holder) return true
      at = owner?.waitsFor
    }
    return false
  }

  const wait = (holder: Holder, name: string): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      if (take(holder, name)) return resume(Effect.void)
      const lock = held.get(name)
      const granted = () => {
        holder.waitsFor = undefined
        resume(Effect.void)
      }
      const waiter: Waiter = { holder, granted }
      holder.waitsFor = name
      lock?.waiting.push(waiter)
      return Effect.sync(() => {
        holder.waitsFor = undefined
        const at = lock?.waiting.indexOf(waiter) ?? -1
        if (at >= 0) lock?.waiting.splice(at, 1)
      })
    })

  const acquire = Effect.fnUntraced(function*(holder: Holder, statement: string, locks: ReadonlyArray<string>) {
    for (const name of locks) {
      if (take(holder, name)) continue
      if (closesRing(holder, name)) return yield* new Deadlock({ lock: name, statement })
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
