import type { MemoryDatabase, Rows } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Context, Effect, Exit } from "effect"
import { type Network, NoAnswer } from "../engine/Network.ts"
import { hash } from "../engine/Prng.ts"
import type { Process } from "../engine/Process.ts"
import { type DatabaseServer, type Refusal, type Session, TransactionOver } from "./DatabaseServer.ts"

/** A client's transaction. */
interface Transaction {
  readonly server: DatabaseServer
  readonly session: Session
  readonly outer: Transaction | undefined
  readonly afterCommit: Array<Effect.Effect<void>>
}

const CurrentTransaction = Context.Reference<Transaction | undefined>(
  "@g-store/simulation/SimulatedDatabase/CurrentTransaction",
  { defaultValue: () => undefined }
)

/** After how long a server notices that a client is gone: at once, or when nothing has been heard of it for a while. */
const NOTICES = [5, 60, 2_500]

/**
 * One process's connections to a database server. Every statement and commit is a request of its own, which may come
 * late, be lost, or be done though its answer is lost; a transaction ends with its connection, not with the fiber.
 *
 * `describe` turns locks into names that stay the same from run to run.
 */
export const simulatedDatabase = (
  network: Network,
  server: DatabaseServer,
  process: Process,
  describe: (label: string, locks: ReadonlyArray<string>) => string
): MemoryDatabase["Service"] => {
  const { world } = network

  const connect = (): { readonly session: Session; readonly close: () => void } => {
    const session = server.open()
    const notice = NOTICES[hash(process.id, world.seed) % NOTICES.length] ?? 0
    const lost = () => void world.after(notice, world.ground, () => server.end(session, "aborted"))
    process.onDeath.add(lost)
    const close = () => {
      process.onDeath.delete(lost)
      if (session.state !== "open") return
      // The rollback is a message like any other; a server that does not get it ends the session by itself, later.
      const millis = network.isCut(process.name, server.name) ? 5_000 : network.latency(process.name, 0, 4)
      world.after(millis, world.ground, () => server.end(session, "aborted"))
    }
    return { session, close }
  }

  const ask = <A>(
    label: string,
    apply: (done: (exit: Exit.Exit<A, Refusal>) => void) => void
  ): Effect.Effect<A, DatabaseUnavailable> =>
    network.request<A, Refusal>(process, { server: server.name, label, apply }).pipe(
      Effect.mapError((cause) => new DatabaseUnavailable({ cause }))
    )

  const commit = ({ afterCommit, session }: Transaction) =>
    ask<void>(
      `commit ${session.label}`,
      (done) => done(server.commit(session) ? Exit.void : Exit.fail(new TransactionOver({ statement: "commit" })))
    )
      .pipe(
        Effect.timeoutOrElse({ duration: 10_000, orElse: () => unavailable(new NoAnswer({ server: server.name })) }),
        Effect.andThen(Effect.suspend(() => Effect.forEach(afterCommit, (effect) => effect, { discard: true })))
      )

  const inside = <A>(
    { session }: Transaction,
    label: string,
    locks: ReadonlyArray<string>,
    statement: (rows: Rows) => A
  ): Effect.Effect<A, DatabaseUnavailable> =>
    Effect.suspend(() => {
      if (session.state === "ended") return Effect.die(new Error(`${label}: its transaction has ended; was it forked?`))
      const name = describe(label, locks)
      session.label = session.label === "" ? name : session.label
      return ask(name, (done) => server.execute(session, label, locks, statement, done))
    })

  const alone = <A>(label: string, locks: ReadonlyArray<string>, statement: (rows: Rows) => A) =>
    Effect.suspend(() => {
      const { close, session } = connect()
      return ask<A>(describe(label, locks), (done) =>
        server.execute(session, label, locks, statement, (exit) => {
          if (Exit.isSuccess(exit)) server.commit(session)
          done(exit)
        })).pipe(Effect.onExit((exit) => Effect.sync(() => Exit.hasInterrupts(exit) ? undefined : close())))
    })

  const find = (transaction: Transaction | undefined): Transaction | undefined =>
    transaction === undefined || transaction.server === server ? transaction : find(transaction.outer)

  return {
    transaction: (body) =>
      Effect.flatMap(CurrentTransaction, (current) => {
        if (find(current) !== undefined) return body
        const { close, session } = connect()
        const transaction: Transaction = { server, session, outer: current, afterCommit: [] }
        return Effect.provideService(body, CurrentTransaction, transaction).pipe(
          Effect.tap(() => Effect.uninterruptible(commit(transaction))),
          Effect.onExit(() => Effect.sync(close))
        )
      }),
    statement: (label, locks, statement) =>
      Effect.flatMap(CurrentTransaction, (current) => {
        const transaction = find(current)
        return transaction === undefined
          ? alone(label, locks, statement)
          : inside(transaction, label, locks, statement)
      }),
    afterCommit: (effect) =>
      Effect.flatMap(CurrentTransaction, (current) => {
        const transaction = find(current)
        return transaction === undefined ? effect : Effect.sync(() => void transaction.afterCommit.push(effect))
      })
  }
}

const unavailable = (cause: Error) => Effect.fail(new DatabaseUnavailable({ cause }))
