import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { Cause, Effect, Exit, Layer } from "effect"
import { SqlError } from "effect/sql"
import { orUnavailable, sqlState, transaction } from "../src/postgres/Postgres.ts"
import { TransactionsPostgres } from "../src/postgres/TransactionsPostgres.ts"
import { DatabaseUnavailable } from "../src/Transactions.ts"
import { Counters, transactionsContract } from "./fixtures/transactionsContract.ts"

const Database = Layer.unwrap(
  Effect.map(
    testDatabaseUrl,
    (url) =>
      PgClient.layer({
        url,
        maxConnections: 10,
        startupParameters: { lock_timeout: "300ms", deadlock_timeout: "50ms" }
      })
  )
)

const CountersPostgres = Layer.effect(
  Counters,
  Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    yield* sql`CREATE TABLE counter (name text PRIMARY KEY, value int NOT NULL CHECK (value >= 0))`
    return {
      read: (name) =>
        orUnavailable(sql<{ value: number }>`SELECT value FROM counter WHERE name = ${name}`).pipe(
          Effect.map((rows) => rows[0]?.value ?? 0)
        ),
      lock: (name) =>
        orUnavailable(sql<{ value: number }>`SELECT value FROM counter WHERE name = ${name} FOR UPDATE`).pipe(
          Effect.map((rows) => rows[0]?.value ?? 0)
        ),
      write: (name, value) =>
        orUnavailable(sql`
          INSERT INTO counter VALUES (${name}, ${value}) ON CONFLICT (name) DO UPDATE SET value = excluded.value`).pipe(
          Effect.asVoid
        ),
      runOutOfPatience: Effect.void
    }
  })
)

transactionsContract(
  "PostgreSQL",
  it.live,
  Layer.mergeAll(TransactionsPostgres, CountersPostgres).pipe(Layer.provide(Database))
)

const dieWith = <A, E>(exit: Exit.Exit<A, E>): unknown =>
  Exit.isFailure(exit) ? exit.cause.reasons.filter(Cause.isDieReason)[0]?.defect : undefined

describe("errors of PostgreSQL", () => {
  it.live("are DatabaseUnavailable when the connection is lost in the middle of a transaction", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      const lost = yield* Effect.gen(function*() {
        yield* sql`CREATE TABLE t (id int)`
        const [me] = yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`
        // On another connection: without the service of this transaction.
        yield* sql.reserve.pipe(
          Effect.flatMap((other) => other.execute("SELECT pg_terminate_backend($1)", [me?.pid], undefined)),
          Effect.scoped
        )
        yield* sql`INSERT INTO t VALUES (1)`
      }).pipe(transaction(sql), Effect.exit)
      assert.isTrue(Exit.isFailure(lost))
      const error = yield* Effect.flip(lost)
      assert.instanceOf(error, DatabaseUnavailable)
      // The pool has a new connection for the next one.
      const after = yield* sql<{ t: string | null }>`SELECT to_regclass('t')::text AS t`.pipe(transaction(sql))
      assert.deepStrictEqual(after, [{ t: null }])
    }).pipe(Effect.provide(Database)))

  it.live("are DatabaseUnavailable when there is no server", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      assert.instanceOf(yield* sql`SELECT 1`.pipe(orUnavailable, Effect.flip), DatabaseUnavailable)
      assert.instanceOf(yield* sql`SELECT 1`.pipe(transaction(sql), Effect.flip), DatabaseUnavailable)
    }).pipe(Effect.provide(PgClient.layer({ host: "127.0.0.1", port: 1, connectTimeout: "1 second" }))))

  it.live("are DatabaseUnavailable for timeouts", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      const error = yield* sql`SET LOCAL statement_timeout = '20ms'`.pipe(
        Effect.andThen(sql`SELECT pg_sleep(10)`),
        transaction(sql),
        Effect.flip
      )
      assert.instanceOf(error, DatabaseUnavailable)
      assert.strictEqual(sqlState(error), "57014")
    }).pipe(Effect.provide(Database)))

  it.live("are defects with their SQLSTATE for data, constraints and statements that can never work", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      const stateOf = (statement: Effect.Effect<unknown, SqlError.SqlError>) =>
        Effect.map(Effect.exit(transaction(sql)(statement)), (exit) => {
          assert.isTrue(SqlError.isSqlError(dieWith(exit)))
          return sqlState(dieWith(exit))
        })
      yield* sql`CREATE TABLE t (id int PRIMARY KEY, positive int CHECK (positive > 0))`
      yield* sql`INSERT INTO t VALUES (1, 1)`
      assert.strictEqual(yield* stateOf(sql`INSERT INTO t VALUES (1, 1)`), "23505")
      assert.strictEqual(yield* stateOf(sql`INSERT INTO t VALUES (2, 0)`), "23514")
      assert.strictEqual(yield* stateOf(sql`SELECT 1 / 0`), "22012")
      assert.strictEqual(yield* stateOf(sql`SELECT ${"a\u0000b"}::text`), "22021")
      assert.strictEqual(yield* stateOf(sql`SELECT * FROM nowhere`), "42P01")
      assert.strictEqual(yield* stateOf(sql`SELECT ${[null]}::text[]`), undefined)
    }).pipe(Effect.provide(Database)))

  it.live("leave the failures and defects of others alone", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Effect.fail("mine").pipe(orUnavailable, Effect.exit), Exit.fail("mine"))
      const bug = new Error("bug")
      assert.strictEqual(dieWith(yield* Effect.die(bug).pipe(orUnavailable, Effect.exit)), bug)
      assert.strictEqual(sqlState(bug), undefined)
      assert.strictEqual(sqlState("57P01"), undefined)
    }))
})
