import { Clock, Context, Effect } from "effect"
import { DatabaseUnavailable } from "../Transactions.ts"
import type { MemoryDatabase, Rows } from "./MemoryDatabase.ts"
import { memoryLocks } from "./MemoryLocks.ts"
import { memoryRows } from "./MemoryRows.ts"
import { apply, type MemoryTables, merge, type Overlay } from "./MemoryTables.ts"

/** One open transaction: its unapplied writes, its row locks, and what to do when it has committed. */
interface Session {
  /** Tells apart the databases of a process: a transaction on one is none on another. */
  readonly database: object
  readonly outer: Session | undefined
  readonly writes: Overlay
  readonly locks: Set<string>
  waitsFor: string | undefined
  readonly afterCommit: Array<Effect.Effect<void>>
  state: "open" | "aborted" | "ended"
}

/** The transactions that the fiber is inside of, innermost first. */
const CurrentSession = Context.Reference<Session | undefined>("@g-store/messaging/memory/CurrentSession", {
  defaultValue: () => undefined
})

export const makeMemoryDatabase = (durable: MemoryTables): MemoryDatabase["Service"] => {
  const locks = memoryLocks()
  const database = {}

  const open = (outer: Session | undefined): Session => ({
    database,
    outer,
    writes: new Map(),
    locks: new Set(),
    waitsFor: undefined,
    afterCommit: [],
    state: "open"
  })
  const find = (session: Session | undefined): Session | undefined =>
    session === undefined || session.database === database ? session : find(session.outer)
  const end = (session: Session, state: "aborted" | "ended"): void => {
    if (session.state === "open") session.state = state
    locks.release(session)
  }
  const commit = (session: Session): Effect.Effect<void, DatabaseUnavailable> =>
    Effect.suspend(() => {
      if (session.state !== "open") return unavailable("the transaction was ended before its commit")
      apply(session.writes, durable)
      end(session, "ended")
      return Effect.forEach(session.afterCommit, (effect) => effect, { discard: true })
    })

  const execute = <A>(session: Session, label: string, wanted: ReadonlyArray<string>, f: (rows: Rows) => A) =>
    Effect.suspend(() => {
      if (session.state === "aborted") return unavailable(`${label}: the transaction has been aborted`)
      if (session.state === "ended") return Effect.die(new Error(`${label}: its transaction has ended; was it forked?`))
      return locks.acquire(session, label, wanted).pipe(
        Effect.catch((cause) => {
          end(session, "aborted")
          return Effect.fail(new DatabaseUnavailable({ cause }))
        }),
        Effect.andThen(Clock.currentTimeMillis),
        Effect.map((now) => {
          const own: Overlay = new Map()
          const answer = f(memoryRows(durable, session.writes, own, now))
          merge(own, session.writes)
          return answer
        })
      )
    })

  const run = <A, E, R>(
    outer: Session | undefined,
    body: (session: Session) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | DatabaseUnavailable, R> =>
    Effect.suspend(() => {
      const session = open(outer)
      return body(session).pipe(
        Effect.tap(() => Effect.uninterruptible(commit(session))),
        Effect.onExit(() => Effect.sync(() => end(session, "ended")))
      )
    })

  return {
    transaction: (body) =>
      Effect.flatMap(CurrentSession, (current) =>
        find(current) === undefined
          ? run(current, (session) => Effect.provideService(body, CurrentSession, session))
          : body),
    statement: (label, wanted, f) =>
      Effect.flatMap(CurrentSession, (current) => {
        const session = find(current)
        return session === undefined
          ? run(current, (own) => execute(own, label, wanted, f))
          : execute(session, label, wanted, f)
      }),
    afterCommit: (effect) =>
      Effect.flatMap(CurrentSession, (current) => {
        const session = find(current)
        if (session === undefined) return effect
        return Effect.sync(() => void session.afterCommit.push(effect))
      })
  }
}

const unavailable = (message: string) => Effect.fail(new DatabaseUnavailable({ cause: new Error(message) }))
