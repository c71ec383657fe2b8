import { PgClient } from "@effect/sql-pg/PgClient"
import { assert, describe, it, layer } from "@effect/vitest"
import { OrderStatus } from "@g-store/contracts/Order.ts"
import { sqlState } from "@g-store/messaging/postgres/Postgres.ts"
import { numberingFault } from "@g-store/service-kit/Migrations.ts"
import { Deferred, Effect, Fiber, Layer, Result, Schedule } from "effect"
import type { Statement } from "effect/sql"
import { migrations } from "../src/adapters/migrations.ts"
import { countOfUser, listOfAll, listOfUser } from "../src/adapters/postgres/OrderLists.ts"
import { OrderRepository } from "../src/application/OrderRepository.ts"
import * as Order from "../src/domain/Order.ts"
import { ada, created, later, orderId, payment, paymentOf, staff } from "./fixtures.ts"
import { OrderDatabase, PostgresStore } from "./stores.ts"

const waitingForLock = Effect.flatMap(
  PgClient,
  (sql) =>
    sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.pipe(
      Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("5 millis") })
    )
)

describe("under a rival's row lock", () => {
  /** A rival locks the order, `late` runs into the lock, then the rival cancels the order and commits. */
  const behindARival = <A, E, R>(late: Effect.Effect<A, E, R>) =>
    Effect.gen(function*() {
      const sql = yield* PgClient
      const locked = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const rival = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function*() {
        yield* sql`SELECT 1 FROM orders WHERE id = ${orderId(1)} FOR UPDATE`
        yield* Deferred.succeed(locked, undefined)
        yield* Deferred.await(release)
        yield* sql`
          UPDATE orders SET status = 'CANCELLED', cancellation_reason = 'OUT_OF_STOCK', version = 2
          WHERE id = ${orderId(1)}`
      })))
      yield* Deferred.await(locked)
      const fiber = yield* Effect.forkChild(Effect.result(late))
      yield* waitingForLock
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(rival)
      return yield* Fiber.join(fiber)
    })

  it.live("an update decides on the order as the rival left it", () =>
    Effect.gen(function*() {
      const orders = yield* OrderRepository
      yield* orders.add(created())
      const seen: Array<number> = []
      const outcome = yield* behindARival(orders.update(orderId(1), (order) => {
        seen.push(order.version)
        return Order.cancel(order, { reason: "OUT_OF_STOCK" }, staff, later(1))
      }))
      assert.deepStrictEqual(seen, [2])
      assert.isTrue(Result.isFailure(outcome) && outcome.failure._tag === "TransitionNotAllowed")
    }).pipe(Effect.provide(PostgresStore)))

  it.live("a batch decides on the orders as the rival left them", () =>
    Effect.gen(function*() {
      const orders = yield* OrderRepository
      yield* orders.add(created(1))
      yield* orders.add(created(2))
      yield* behindARival(orders.updateMany([orderId(2), orderId(1)], (found) =>
        Result.map(
          Result.all([...found.values()].map((order) => Order.pay(order, paymentOf(order), payment, later(1)))),
          (decisions) => decisions.map((decision) => ({ decision, traceparent: undefined }))
        )))
      assert.deepInclude(yield* orders.byId(orderId(1)), { status: "CANCELLED", version: 2 })
      assert.deepInclude(yield* orders.byId(orderId(2)), { status: "PAID", version: 2 })
    }).pipe(Effect.provide(PostgresStore)))
})

/** Twenty thousand orders of a thousand users in all statuses, of which only very old ones are still ASSEMBLING. */
const InBusiness = Layer.effectDiscard(Effect.gen(function*() {
  const sql = yield* PgClient
  const user = (n: Statement.Fragment) => sql`('0191f3a2-7b1c-7c33-9d52-' || lpad(to_hex(${n}), 12, '0'))::uuid`
  yield* sql`
    INSERT INTO orders (id, user_id, amount, status, cancellation_reason, version, created_at, updated_at)
    SELECT ('0191f3a2-7b1c-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
      ${user(sql`n % 1000`)}, 100, s.status, CASE WHEN s.status = 'CANCELLED' THEN 'CHANGED_MIND' END, 1, now(), now()
    FROM generate_series(1, 20000) n
    JOIN unnest(${OrderStatus.literals}::text[]) WITH ORDINALITY s (status, i)
      ON s.i = CASE WHEN n < 60 THEN 3 WHEN n % 50 < 6 AND n % 50 <> 2 THEN n % 50 + 1 WHEN n % 10 = 9 THEN 7 ELSE 6 END`
  // One user with very many, among whom a short page must still be a short read.
  yield* sql`UPDATE orders SET user_id = ${ada} WHERE id < ${orderId(5000)}`
  yield* sql`VACUUM ANALYZE orders`
})).pipe(Layer.provideMerge(OrderDatabase))

layer(InBusiness)("among many orders", (test) => {
  /** How a statement is executed: the kinds of scan, and how many pages they read. */
  const execution = Effect.fnUntraced(function*(statement: Statement.Statement<unknown>) {
    const sql = yield* PgClient
    const [text, params] = statement.compile()
    const rows = yield* sql.unsafe<{ "QUERY PLAN": string }>(`EXPLAIN (ANALYZE, BUFFERS) ${text}`, params)
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n")
    const pages = /Buffers: shared hit=(\d+)(?: read=(\d+))?/.exec(plan)
    return { plan, pages: Number(pages?.[1] ?? 0) + Number(pages?.[2] ?? 0) }
  })
  const short = (sentence: string, statement: (sql: PgClient) => Statement.Statement<unknown>) =>
    test.effect(`${sentence} reads a few pages along an index`, () =>
      Effect.gen(function*() {
        const { pages, plan } = yield* execution(statement(yield* PgClient))
        assert.notInclude(plan, "Seq Scan", plan)
        assert.isAtMost(pages, 150, plan)
      }))
  const at = { before: orderId(4000), limit: 21, offset: 0 }

  short("a user's slice", (sql) => listOfUser(sql, { userId: ada }, at))
  short("a user's slice of one status", (sql) => listOfUser(sql, { userId: ada, status: "PAID" }, at))
  short("a user's first page", (sql) => listOfUser(sql, { userId: ada }, { offset: 0, limit: 20 }))
  short("everybody's slice", (sql) => listOfAll(sql, {}, at))
  short("everybody's slice of a rare status", (sql) => listOfAll(sql, { status: "ASSEMBLING" }, { limit: 21 }))

  for (const status of [undefined, "ISSUED"] as const) {
    test.effect(`counting a user's ${status ?? "orders"} reads the index alone`, () =>
      Effect.gen(function*() {
        const { plan } = yield* execution(countOfUser(yield* PgClient, { userId: ada, status }))
        assert.match(plan, /Index Only Scan using orders_by_user/, plan)
        assert.match(plan, /Heap Fetches: 0/, plan)
      }))
  }
})

layer(OrderDatabase)("the schema", (test) => {
  const refused = (sentence: string, change: string) =>
    test.effect(`refuses ${sentence}`, () =>
      Effect.gen(function*() {
        const sql = yield* PgClient
        yield* sql`DELETE FROM orders`
        yield* sql`
          INSERT INTO orders (id, user_id, amount, status, version, created_at, updated_at)
          VALUES (${orderId(1)}, ${ada}, 100, 'PENDING', 1, now(), now())`
        const error = yield* Effect.flip(sql.unsafe(`UPDATE orders SET ${change}`))
        assert.strictEqual(sqlState(error), "23514")
      }))

  refused("an amount of nothing", "amount = 0")
  refused("more than the largest amount", "amount = 1000000000001")
  refused("a status that is none", "status = 'LOST'")
  refused("a cancelled order without a reason", "status = 'CANCELLED'")
  refused("a reason without a cancel", "cancellation_reason = 'OUT_OF_STOCK'")
  refused("a reason that is none", "status = 'CANCELLED', cancellation_reason = 'BORED'")
  refused("time that runs backwards", "updated_at = created_at - interval '1 s'")

  test("is brought about by steps numbered without a gap", () => {
    assert.isUndefined(numberingFault(migrations))
  })
})
