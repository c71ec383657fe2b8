import type { Rows } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Deadlock, LockTimeout } from "@g-store/messaging/memory/MemoryLocks.ts"
import { memoryRows } from "@g-store/messaging/memory/MemoryRows.ts"
import { apply, type MemoryTables, memoryTables, merge, type Overlay } from "@g-store/messaging/memory/MemoryTables.ts"
import { Exit, Schema } from "effect"
import type { Timer } from "../engine/Timers.ts"
import type { World } from "../engine/World.ts"

/** The server has ended the transaction already. */
export class TransactionOver extends Schema.TaggedError<TransactionOver>()("TransactionOver", {
  statement: Schema.String
}) {}

/** Why a statement was not done. */
export type Refusal = TransactionOver | LockTimeout | Deadlock

/** One open transaction as the server has it: its unapplied writes and its row locks. */
export interface Session {
  readonly writes: Overlay
  readonly locks: Set<string>
  /** `aborted`: the server ended it, and its client has yet to learn. */
  state: "open" | "aborted" | "ended"
  waiting: Waiting | undefined
  /** Says in the log what the commit is of. */
  label: string
}

interface Waiting {
  readonly session: Session
  readonly lock: string
  readonly timer: Timer
  readonly granted: () => void
}

interface Lock {
  holder: Session
  readonly queue: Array<Waiting>
}

const LOCK_MILLIS = 5_000

/** A database server: tables that outlive every process, and sessions that end with their connections. */
export class DatabaseServer {
  readonly name: string
  readonly durable: MemoryTables = memoryTables()
  /** Told of each commit after it took effect, with what it wrote. */
  onCommit: (writes: Overlay) => void = () => {}
  private readonly world: World
  private readonly locks = new Map<string, Lock>()
  private readonly sessions = new Set<Session>()

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
  }

  table<R extends object>(name: string): ReadonlyMap<string, R> {
    const table = this.durable.tables.get(name) ?? new Map<string, object>()
    return table as Map<string, R>
  }

  open(): Session {
    const session: Session = {
      writes: new Map(),
      locks: new Set(),
      state: "open",
      waiting: undefined,
      label: ""
    }
    this.sessions.add(session)
    return session
  }

  /** Takes the row locks one after the other, waiting for each, then runs the statement in one step. */
  execute<A>(
    session: Session,
    label: string,
    wanted: ReadonlyArray<string>,
    statement: (rows: Rows) => A,
    done: (exit: Exit.Exit<A, Refusal>) => void
  ): void {
    const go = (nth: number): void => {
      if (session.state !== "open") return done(Exit.fail(new TransactionOver({ statement: label })))
      const lock = wanted[nth]
      if (lock === undefined) return done(this.answer(session, statement))
      const held = this.locks.get(lock)
      if (held === undefined || held.holder === session) {
        if (held === undefined) this.locks.set(lock, { holder: session, queue: [] })
        session.locks.add(lock)
        return go(nth + 1)
      }
      const refuse = (error: Refusal) => {
        this.end(session, "aborted")
        done(Exit.fail(error))
      }
      if (this.closesRing(session, lock)) return refuse(new Deadlock({ lock, statement: label }))
      const timer = this.world.after(
        LOCK_MILLIS,
        this.world.ground,
        () => refuse(new LockTimeout({ lock, statement: label, milliseconds: LOCK_MILLIS }))
      )
      const granted = () => {
        timer.cancelled = true
        session.waiting = undefined
        this.world.soon(this.world.ground, () => go(nth))
      }
      session.waiting = { session, lock, timer, granted }
      held.queue.push(session.waiting)
    }
    go(0)
  }

  /** The boundary between all and nothing: one synchronous step. */
  commit(session: Session): boolean {
    if (session.state !== "open") return false
    apply(session.writes, this.durable)
    this.end(session, "ended")
    if (session.writes.size > 0) this.onCommit(session.writes)
    return true
  }

  end(session: Session, state: "aborted" | "ended"): void {
    if (session.state === "open") session.state = state
    this.sessions.delete(session)
    const { waiting } = session
    if (waiting !== undefined) {
      waiting.timer.cancelled = true
      session.waiting = undefined
      const queue = this.locks.get(waiting.lock)?.queue
      queue?.splice(queue.indexOf(waiting), 1)
    }
    for (const lock of session.locks) this.release(lock)
    session.locks.clear()
  }

  /** The server restarts: nothing uncommitted is left. */
  abortAll(): void {
    for (const session of this.sessions) this.end(session, "aborted")
  }

  private answer<A>(session: Session, statement: (rows: Rows) => A): Exit.Exit<A> {
    const own: Overlay = new Map()
    try {
      const value = statement(memoryRows(this.durable, session.writes, own, this.world.now))
      merge(own, session.writes)
      return Exit.succeed(value)
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  private release(name: string): void {
    const lock = this.locks.get(name)
    const next = lock?.queue.shift()
    if (lock === undefined || next === undefined) {
      this.locks.delete(name)
      return
    }
    // Handed over, not freed: a newcomer must not overtake those who wait.
    lock.holder = next.session
    next.session.locks.add(name)
    next.granted()
  }

  private closesRing(session: Session, lock: string): boolean {
    for (let at: string | undefined = lock; at !== undefined;) {
      const holder: Session | undefined = this.locks.get(at)?.holder
      if (holder === session) return true
      at = holder?.waiting?.lock
    }
    return false
  }
}
