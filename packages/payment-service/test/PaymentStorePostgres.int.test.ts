import { assert, describe, it } from "@effect/vitest"
import { sqlState } from "@g-store/messaging/postgres/Postgres.ts"
import { Array, Deferred, Effect, Fiber, Result } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { AccountRepository } from "../src/application/AccountRepository.ts"
import { accountContract } from "./accountContract.ts"
import { balanceOf, openAccounts, outbox, type PaymentStore, settle, stateOf, Waiting } from "./books.ts"
import { accountId, accountOf, ada, created, orderId, userId } from "./fixtures.ts"
import { paymentContract } from "./paymentContract.ts"
import { PaymentStoreTest } from "./postgres.ts"
import { raceContract } from "./raceContract.ts"

accountContract("PostgreSQL", PaymentStoreTest)
paymentContract("PostgreSQL", PaymentStoreTest)
raceContract("PostgreSQL", PaymentStoreTest)

const test = (behaviour: string, body: Effect.Effect<void, unknown, PaymentStore | Waiting | SqlClient.SqlClient>) =>
  it.live(behaviour, () => Effect.provide(body, PaymentStoreTest))

describe("a batch", () => {
  type Statement = Effect.Effect<unknown, SqlError.SqlError>

  /** Lets somebody hold a row until the batch waits for it, and says whether another row is free meanwhile. */
  const isFreeMeanwhile = (hold: Statement, other: Statement, batch: ReturnType<typeof settle>) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const held = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(sql.withTransaction(
        hold.pipe(Effect.andThen(Deferred.succeed(held, undefined)), Effect.andThen(Deferred.await(release)))
      ))
      yield* Deferred.await(held)
      const waiting = yield* Effect.forkChild(Effect.result(batch))
      yield* Effect.raceFirst(Waiting.use((waits) => waits), Fiber.await(waiting))
      const free = yield* Effect.result(sql.withTransaction(Effect.andThen(sql`SET LOCAL lock_timeout = '1s'`, other)))
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(holder)
      yield* Fiber.join(waiting)
      return Result.isSuccess(free)
    })

  test(
    "locks accounts in the order of their ids, not of the orders, the users or the disk",
    Effect.gen(function*() {
      const accounts = yield* AccountRepository
      const sql = yield* SqlClient.SqlClient
      for (const n of [2, 1]) yield* accounts.open({ ...accountOf(n), userId: userId(10 - n) })
      const batch = settle(1, created(1, 1, userId(8)), created(2, 1, userId(9)))
      const lock = (n: number) => sql`SELECT 1 FROM accounts WHERE id = ${accountId(n)} FOR UPDATE`
      assert.isTrue(yield* isFreeMeanwhile(lock(1), lock(2), batch))
    })
  )

  test(
    "locks payments in the order of their orders' ids, whatever order they come in or lie on the disk",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      for (const n of [2, 1]) yield* settle(n, created(n, 1))
      const batch = settle(11, created(2, 1), created(1, 1))
      const lock = (n: number) => sql`SELECT 1 FROM payments WHERE order_id = ${orderId(n)} FOR UPDATE`
      assert.isTrue(yield* isFreeMeanwhile(lock(1), lock(2), batch))
    })
  )

  test(
    "claims new orders in the order of their ids, whatever order they come in",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const batch = settle(11, created(2, 1), created(1, 1))
      const claim = (n: number) =>
        sql`INSERT INTO payments (order_id, user_id, state, created_at, updated_at) VALUES (${
          orderId(n)
        }, ${ada}, 'VOIDED', now(), now())`
      assert.isTrue(yield* isFreeMeanwhile(claim(1), claim(2), batch))
    })
  )

  test(
    "of five hundred orders is decided as one",
    Effect.gen(function*() {
      yield* openAccounts(3, 1000)
      const orders = Array.range(1, 500).map((n) => created(n, 10, userId(1 + n % 4)))
      const { entries } = yield* settle(1, ...orders)
      assert.lengthOf(entries, 300)
      assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3].map(userId), balanceOf), [0n, 0n, 0n])
      assert.lengthOf(yield* outbox, 500)
    })
  )
})

describe("the database itself", () => {
  const refusal = (statement: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, SqlError.SqlError>) =>
    Effect.gen(function*() {
      return sqlState(yield* Effect.flip(statement(yield* SqlClient.SqlClient)))
    })

  test(
    "refuses to rewrite or forget what was booked and decided",
    Effect.gen(function*() {
      yield* openAccounts(1, 100)
      yield* settle(1, created(1, 60))
      const refused = yield* Effect.forEach([
        (sql: SqlClient.SqlClient) => sql`UPDATE ledger SET amount = 1`,
        (sql: SqlClient.SqlClient) => sql`DELETE FROM ledger`,
        (sql: SqlClient.SqlClient) => sql`TRUNCATE ledger`,
        (sql: SqlClient.SqlClient) => sql`DELETE FROM payments`,
        (sql: SqlClient.SqlClient) => sql`TRUNCATE payments`
      ], refusal)
      assert.deepStrictEqual(refused, Array.replicate("23001", 5))
      assert.strictEqual(yield* stateOf(1), "CHARGED")
      assert.strictEqual(yield* balanceOf(ada), 40n)
    })
  )

  test(
    "refuses a second charge of an order, a second entry of a number and a balance below zero",
    Effect.gen(function*() {
      yield* openAccounts(2, 100)
      yield* settle(1, created(1, 60))
      const copy = (account: number, number: number, order: number) => (sql: SqlClient.SqlClient) =>
        sql`INSERT INTO ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
          SELECT gen_random_uuid(), ${accountId(account)}, ${number}, type, amount, ${orderId(order)}, 0, created_at
          FROM ledger WHERE order_id = ${orderId(1)}`
      assert.strictEqual(yield* refusal(copy(2, 2, 1)), "23505")
      assert.strictEqual(yield* refusal(copy(1, 2, 2)), "23505")
      assert.strictEqual(yield* refusal((sql) => sql`UPDATE accounts SET balance = balance - 41`), "23514")
    })
  )
})
