import { assert, describe, it } from "@effect/vitest"
import { sqlState } from "@g-store/messaging/postgres/Postgres.ts"
import { Array, Deferred, Effect, Fiber, Result } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { AccountRepository } from "../src/application/AccountRepository.ts"
import { accountId, accountOf, ada, bob, cancelled, created, orderId, topUpOf, userId } from "./fixtures.ts"
import { lockWaiters, overtaken, PaymentStoreTest } from "./postgres.ts"
import { balanceOf, openAccounts, outbox, type PaymentStore, settle, stateOf, storeContract } from "./storeContract.ts"

storeContract("PostgreSQL", PaymentStoreTest)

const test = (behaviour: string, body: Effect.Effect<void, unknown, PaymentStore | SqlClient.SqlClient>) =>
  it.live(behaviour, () => Effect.provide(body, PaymentStoreTest))

const tagOf = <A, E extends { readonly _tag: string } | object>(result: Result.Result<A, E>) =>
  Result.isSuccess(result) ? "Success" : "_tag" in result.failure ? result.failure._tag : "?"

describe("one who comes behind another's lock", () => {
  test(
    "charges upon the balance that a top-up leaves",
    Effect.gen(function*() {
      const accounts = yield* AccountRepository
      yield* openAccounts(1, 60)
      yield* overtaken(accounts.topUp(topUpOf(accountOf(1), 99, 50)), settle(1, created(1, 100)))
      assert.strictEqual(yield* stateOf(1), "CHARGED")
      assert.strictEqual(yield* balanceOf(ada), 10n)
    })
  )

  test(
    "tops up the balance that a charge leaves",
    Effect.gen(function*() {
      const accounts = yield* AccountRepository
      yield* openAccounts(1, 100)
      yield* overtaken(settle(1, created(1, 60)), accounts.topUp(topUpOf(accountOf(1), 99, 5)))
      assert.strictEqual(yield* balanceOf(ada), 45n)
    })
  )

  test(
    "does not spend what another batch has spent",
    Effect.gen(function*() {
      yield* openAccounts(1, 100)
      yield* overtaken(settle(1, created(1, 60)), settle(11, created(2, 60)))
      assert.deepStrictEqual(yield* Effect.forEach([1, 2], stateOf), ["CHARGED", "DECLINED"])
      assert.strictEqual(yield* balanceOf(ada), 40n)
    })
  )

  test(
    "charges upon the balance that a refund leaves",
    Effect.gen(function*() {
      yield* openAccounts(1, 100)
      yield* settle(1, created(1, 60))
      yield* overtaken(settle(11, cancelled(1)), settle(21, created(2, 100)))
      assert.strictEqual(yield* stateOf(2), "CHARGED")
      assert.strictEqual(yield* balanceOf(ada), 0n)
    })
  )

  test(
    "does not refund what another has refunded",
    Effect.gen(function*() {
      yield* openAccounts(1, 100)
      yield* settle(1, created(1, 60))
      const late = yield* overtaken(settle(11, cancelled(1)), settle(21, cancelled(1)))
      assert.strictEqual(tagOf(late), "Success")
      assert.strictEqual(yield* balanceOf(ada), 100n)
    })
  )

  test(
    "is told to try again when a cancel was overtaken by its creation, and then refunds",
    Effect.gen(function*() {
      yield* openAccounts(1, 100)
      const late = yield* overtaken(settle(1, created(1, 60)), settle(11, cancelled(1)))
      assert.strictEqual(tagOf(late), "DecidedMeanwhile")
      yield* settle(21, cancelled(1))
      assert.strictEqual(yield* stateOf(1), "REFUNDED")
      assert.strictEqual(yield* balanceOf(ada), 100n)
    })
  )

  test(
    "is told to try again when a creation was overtaken by its cancel, and has charged nothing",
    Effect.gen(function*() {
      yield* openAccounts(1, 100)
      const late = yield* overtaken(settle(1, cancelled(1)), settle(11, created(1, 60), created(2, 30)))
      assert.strictEqual(tagOf(late), "DecidedMeanwhile")
      assert.strictEqual(yield* balanceOf(ada), 100n)
      yield* settle(21, created(1, 60), created(2, 30))
      assert.deepStrictEqual(yield* Effect.forEach([1, 2], stateOf), ["VOIDED", "CHARGED"])
      assert.strictEqual(yield* balanceOf(ada), 70n)
      assert.deepStrictEqual((yield* outbox).map(({ key }) => key), [orderId(2)])
    })
  )

  test(
    "is told to try again when another has charged the same order, with an account or without",
    Effect.gen(function*() {
      yield* openAccounts(1, 100)
      for (const [n, user] of [[1, ada], [2, bob]] as const) {
        const late = yield* overtaken(settle(100 * n, created(n, 10, user)), settle(100 * n + 1, created(n, 10, user)))
        assert.strictEqual(tagOf(late), "DecidedMeanwhile")
      }
      assert.strictEqual(yield* balanceOf(ada), 90n)
      assert.lengthOf(yield* outbox, 2)
    })
  )

  test(
    "learns of the account that another opens for the same user",
    Effect.gen(function*() {
      const accounts = yield* AccountRepository
      const late = yield* overtaken(accounts.open(accountOf(1)), accounts.open({ ...accountOf(2), userId: ada }))
      assert.deepInclude(Result.getOrThrow(Result.flip(late)), { _tag: "AccountExists", accountId: accountId(1) })
    })
  )
})

describe("a batch", () => {
  /** Holds one row, lets the batch come to wait for it, and says whether another row is free meanwhile. */
  const isFreeMeanwhile = (held: Statement.Fragment, other: Statement.Fragment, batch: ReturnType<typeof settle>) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const lock = (row: Statement.Fragment) => sql`SELECT 1 FROM ${row} FOR UPDATE NOWAIT`
      const locked = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(sql.withTransaction(
        lock(held).pipe(Effect.andThen(Deferred.succeed(locked, undefined)), Effect.andThen(Deferred.await(release)))
      ))
      yield* Deferred.await(locked)
      const waiting = yield* Effect.forkChild(batch)
      yield* Effect.raceFirst(lockWaiters(1), Fiber.await(waiting))
      const free = yield* Effect.result(lock(other))
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
      const account = (n: number) => sql`accounts WHERE id = ${accountId(n)}`
      assert.isTrue(yield* isFreeMeanwhile(account(1), account(2), batch))
    })
  )

  test(
    "locks payments in the order of their orders' ids, whatever order they come in or lie on the disk",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      for (const n of [2, 1]) yield* settle(n, created(n, 1))
      const batch = settle(11, created(2, 1), created(1, 1))
      const payment = (n: number) => sql`payments WHERE order_id = ${orderId(n)}`
      assert.isTrue(yield* isFreeMeanwhile(payment(1), payment(2), batch))
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
