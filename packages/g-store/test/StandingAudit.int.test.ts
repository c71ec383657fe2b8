import { assert, describe, it } from "@effect/vitest"
import { withRealClock } from "@g-store/postgres/RealClock.ts"
import { Deferred, Duration, Effect, Exit, Fiber, Metric } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { auditSurroundings } from "../src/audit/DatabaseAudit.ts"
import * as Rows from "../src/audit/Rows.ts"
import { makeStandingAudit } from "../src/audit/StandingAudit.ts"
import type { DatabaseName } from "../src/StoreConfig.ts"
import { ACCOUNT, auditedStore, id, paidOrders, USER, write } from "./audit/AuditedStore.ts"

const options = {
  feedRetention: Duration.days(90),
  settle: Duration.seconds(30),
  batch: 500,
  // Nothing is swept until time passes.
  sweepLeast: 0
}

type Sql = Parameters<typeof write>[0]

/** Whole orders of an hour ago, and an audit that has looked at them. */
const looked = Effect.fnUntraced(function*(orders: number, overrides: Partial<typeof options> = {}) {
  const store = yield* auditedStore
  yield* paidOrders(store.inside, orders, "1 hour")
  const audit = yield* makeStandingAudit(store.inside, { ...options, ...overrides })
  assert.deepStrictEqual((yield* audit.look).violations, [])
  return { ...store, audit }
})

const found = (violations: ReadonlyArray<{ readonly invariant: string; readonly id: string }>) =>
  violations.map((finding) => `${finding.invariant} ${finding.id}`)

describe("what was just written", () => {
  it.effect.each<[what: string, database: DatabaseName, corruption: Sql, violation: string]>([
    [
      "a balance that no entry explains",
      "payments",
      (sql) => sql`UPDATE accounts SET balance = balance + 5, updated_at = now()`,
      `balance-equals-ledger ${ACCOUNT}`
    ],
    [
      "an entry that does not follow",
      "payments",
      (sql) =>
        sql`INSERT INTO ledger (id, account_id, number, type, amount, balance_after, created_at)
          VALUES (${id(900)}::uuid, ${ACCOUNT}::uuid, 7, 'TOP_UP', 5, 6, now())`,
      `balance-equals-ledger ${ACCOUNT}`
    ],
    [
      "a booking without a decision",
      "payments",
      (sql) =>
        sql`WITH booked AS (UPDATE accounts SET entries = entries + 1, balance = 7, updated_at = now())
          INSERT INTO ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
          VALUES (${id(901)}::uuid, ${ACCOUNT}::uuid, 5, 'REFUND', 7, ${id(77)}::uuid, 7, now())`,
      `one-payment-one-refund ${id(77)}`
    ],
    [
      "a second booking of an order",
      "payments",
      (sql) =>
        sql`WITH booked AS (UPDATE accounts SET entries = entries + 1, balance = 100, updated_at = now())
          INSERT INTO ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
          VALUES (${id(902)}::uuid, ${ACCOUNT}::uuid, 5, 'REFUND', 100, ${id(2)}::uuid, 100, now())`,
      `one-payment-one-refund ${id(2)}`
    ],
    [
      "a decision about no order",
      "payments",
      (sql) =>
        sql`INSERT INTO payments (order_id, user_id, state, created_at, updated_at)
          VALUES (${id(66)}::uuid, ${USER}::uuid, 'VOIDED', now(), now())`,
      `one-decision ${id(66)}`
    ],
    [
      "a payment of another amount",
      "payments",
      (sql) => sql`UPDATE payments SET amount = 99, updated_at = now() WHERE order_id = ${id(3)}::uuid`,
      `one-payment-one-refund ${id(3)}`
    ],
    [
      "a status without history",
      "orders",
      (sql) => sql`UPDATE orders SET status = 'ISSUED', updated_at = now() WHERE id = ${id(1)}::uuid`,
      `history-is-a-path ${id(1)}`
    ],
    [
      "a history with a gap",
      "orders",
      (sql) =>
        sql`INSERT INTO order_history (order_id, version, status, actor_type, occurred_at)
          VALUES (${id(2)}::uuid, 4, 'ASSEMBLING', 'STAFF', now())`,
      `history-is-a-path ${id(2)}`
    ]
  ])("is found by the next look: %s", ([, database, corruption, violation]) =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(3)
      yield* inside(database, write(corruption))
      assert.include(found((yield* audit.look).violations), violation)
    }))

  it.effect("is found in the feed too, once it has outlived what may be in flight", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(3)
      yield* inside(
        "notifications",
        write((sql) =>
          sql`UPDATE feed SET status = 'CANCELLED', occurred_at = now() WHERE order_id = ${id(3)}::uuid AND version = 2`
        )
      )
      assert.deepStrictEqual((yield* audit.look).violations, [])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(found((yield* audit.look).violations), [`feed-equals-history ${id(3)}`])
    }))

  it.effect("is found although its transaction began before the look and committed after it", () =>
    Effect.gen(function*() {
      const { audit, contexts, inside } = yield* looked(3)
      const written = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      const late = yield* Effect.forkChild(
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          yield* sql.withTransaction(Effect.gen(function*() {
            yield* sql`UPDATE orders SET status = 'ISSUED', updated_at = now() WHERE id = ${id(1)}::uuid`
            yield* Deferred.succeed(written, undefined)
            yield* Deferred.await(commit)
          }))
        }).pipe(Effect.provide(contexts.orders), withRealClock)
      )
      yield* Deferred.await(written)
      // Others commit meanwhile, so the transaction is older than the newest that the look can see.
      yield* inside("orders", write((sql) => sql`UPDATE orders SET updated_at = now() WHERE id = ${id(2)}::uuid`))
      assert.deepStrictEqual((yield* audit.look).violations, [])
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(late)
      assert.deepStrictEqual(found((yield* audit.look).violations), [`history-is-a-path ${id(1)}`])
    }))

  it.effect("is found although the clock of its writer is half a minute behind", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(3)
      yield* inside(
        "orders",
        write((sql) =>
          sql`UPDATE orders SET status = 'ISSUED', updated_at = now() - interval '30 s' WHERE id = ${id(1)}::uuid`
        )
      )
      assert.deepStrictEqual(found((yield* audit.look).violations), [`history-is-a-path ${id(1)}`])
    }))
})

describe("a look that cannot end", () => {
  it.effect("leaves what it did not come to for the next one, and tells then what it found", () =>
    Effect.gen(function*() {
      const store = yield* auditedStore
      yield* paidOrders(store.inside, 3, "1 hour")
      let answers = Infinity
      const audit = yield* makeStandingAudit(
        (name, question) => name === "payments" && answers-- <= 0 ? Effect.interrupt : store.inside(name, question),
        options
      )
      yield* audit.look
      yield* store.inside(
        "orders",
        write((sql) => sql`UPDATE orders SET status = 'ISSUED', updated_at = now() WHERE id = ${id(1)}::uuid`)
      )
      yield* store.inside(
        "notifications",
        write((sql) =>
          sql`INSERT INTO dead_letter (id, consumer, message_id, topic, partition, "offset", headers, reason, attempts,
              first_failed_at, last_failed_at)
            VALUES (${id(5)}::uuid, 'feed', 'm', 'order.events', 0, 0, '{}', 'poison', 3, now(), now())`
        )
      )
      // The payments database goes away once its surroundings were looked at.
      answers = 1
      assert.isTrue(Exit.isFailure(yield* Effect.exit(audit.look)))
      answers = Infinity
      assert.deepStrictEqual(found((yield* audit.look).violations).toSorted(), [
        `history-is-a-path ${id(1)}`,
        `no-dead-letter ${id(5)}`
      ])
    }))
})

describe("what was written long ago", () => {
  const corrupt = write((sql) => sql`UPDATE orders SET amount = 101 WHERE id = ${id(1_200)}::uuid`)

  it.effect("is found by the sweep, which is through within the hour", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(1_500)
      // The first round goes by PostgreSQL's estimate; from then on the audit knows how many there are.
      yield* TestClock.adjust("2 hours")
      yield* audit.sweep
      yield* inside("orders", corrupt)
      assert.deepStrictEqual((yield* audit.look).violations, [])
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual((yield* audit.sweep).violations, [])
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual(found((yield* audit.sweep).violations), [`one-payment-one-refund ${id(1_200)}`])
    }))

  it.effect.each<[what: string, database: DatabaseName, corruption: Sql, violation: string]>([
    [
      "a balance",
      "payments",
      (sql) => sql`UPDATE accounts SET balance = balance + 5`,
      `balance-equals-ledger ${ACCOUNT}`
    ],
    [
      "a ledger entry",
      "payments",
      (sql) =>
        sql`INSERT INTO ledger (id, account_id, number, type, amount, balance_after, created_at)
          VALUES (${id(900)}::uuid, ${ACCOUNT}::uuid, 9, 'TOP_UP', 5, 6, now() - interval '1 day')`,
      `balance-equals-ledger ${ACCOUNT}`
    ],
    [
      "a decision about no order",
      "payments",
      (sql) =>
        sql`INSERT INTO payments (order_id, user_id, state, created_at, updated_at)
          VALUES (${id(66)}::uuid, ${USER}::uuid, 'VOIDED', now() - interval '1 day', now() - interval '1 day')`,
      `one-decision ${id(66)}`
    ]
  ])("is found by the sweep of its table: %s", ([, database, corruption, violation]) =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(3)
      yield* inside(database, write(corruption))
      assert.deepStrictEqual((yield* audit.look).violations, [])
      yield* TestClock.adjust("1 hour")
      assert.include(found((yield* audit.sweep).violations), violation)
    }))
})

describe("work in flight", () => {
  const placed = (inside: Parameters<typeof paidOrders>[0]) =>
    inside(
      "orders",
      write((sql) =>
        sql`WITH placed AS (
            INSERT INTO orders (id, user_id, amount, status, version, created_at, updated_at)
            VALUES (${id(50)}::uuid, ${USER}::uuid, 100, 'PENDING', 1, now(), now()))
          INSERT INTO order_history (order_id, version, status, actor_type, occurred_at)
          VALUES (${id(50)}::uuid, 1, 'PENDING', 'CUSTOMER', now())`
      )
    )

  it.effect("is no violation until it has outlived the settling time, and none again once it is done", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(3)
      yield* placed(inside)
      assert.deepStrictEqual((yield* audit.look).violations, [])
      assert.strictEqual((yield* audit.counts).suspicions, 2)
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual((yield* audit.look).violations, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(found((yield* audit.look).violations), [
        `one-decision ${id(50)}`,
        `feed-equals-history ${id(50)}`
      ])

      yield* inside(
        "payments",
        write((sql) =>
          sql`INSERT INTO payments (order_id, user_id, state, amount, failure_reason, created_at, updated_at)
            VALUES (${id(50)}::uuid, ${USER}::uuid, 'DECLINED', 100, 'NO_ACCOUNT', now(), now())`
        )
      )
      yield* inside(
        "notifications",
        write((sql) =>
          sql`INSERT INTO feed (order_id, version, user_id, status, occurred_at)
            VALUES (${id(50)}::uuid, 1, ${USER}::uuid, 'PENDING', now())`
        )
      )
      // Decided, and order-service has not heard of it yet: something else that may be in flight.
      const after = yield* audit.look
      assert.deepStrictEqual(after.violations, [])
      assert.deepStrictEqual(found(after.mended), [`one-decision ${id(50)}`, `feed-equals-history ${id(50)}`])
    }))

  it.effect("may be behind for as long as it moves on", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(1)
      const statuses = ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"]
      for (const [n, status] of statuses.entries()) {
        yield* inside(
          "orders",
          write((sql) =>
            sql`WITH moved AS (UPDATE orders SET status = ${status}, version = ${n + 3}::int, updated_at = now())
              INSERT INTO order_history (order_id, version, status, actor_type, occurred_at)
              VALUES (${id(1)}::uuid, ${n + 3}::int, ${status}, 'STAFF', now())`
          )
        )
        assert.deepStrictEqual((yield* audit.look).violations, [])
        yield* inside(
          "notifications",
          write((sql) =>
            sql`INSERT INTO feed (order_id, version, user_id, status, occurred_at)
              VALUES (${id(1)}::uuid, ${n + 3}::int, ${USER}::uuid, ${status}, now())`
          )
        )
        yield* TestClock.adjust("20 seconds")
      }
      assert.deepStrictEqual((yield* audit.look).violations, [])
      assert.strictEqual((yield* audit.counts).suspicions, 0)
    }))
})

describe("the surroundings", () => {
  it.effect("are looked at each time: dead letters, and an outbox whose head is old", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(1)
      yield* inside(
        "payments",
        write((sql) =>
          sql`INSERT INTO dead_letter (id, consumer, message_id, topic, partition, "offset", headers, reason, attempts,
              first_failed_at, last_failed_at)
            VALUES (${id(5)}::uuid, 'orders', 'm', 'order.events', 0, 0, '{}', 'poison', 3, now(), now())`
        )
      )
      yield* inside(
        "orders",
        write((sql) =>
          sql`INSERT INTO outbox (shard, message_id, topic, key, event_type, payload, created_at) VALUES
            (3, ${id(6)}::uuid, 'order.events', 'young', 'OrderCreated', '', now()),
            (4, ${id(7)}::uuid, 'order.events', 'old', 'OrderCreated', '', now() - interval '31 s')`
        )
      )
      assert.deepStrictEqual(found((yield* audit.look).violations).toSorted(), [
        `no-dead-letter ${id(5)}`,
        "outbox-empty old"
      ])
      // It stands, and was told.
      assert.deepStrictEqual((yield* audit.look).violations, [])
      yield* inside("orders", write((sql) => sql`DELETE FROM outbox`))
      assert.deepStrictEqual(found((yield* audit.look).mended), ["outbox-empty old"])
    }))
})

const gauge = (name: string, attributes: Record<string, string> = {}) =>
  Effect.map(
    Metric.snapshot,
    (metrics) =>
      metrics.flatMap((metric) =>
        metric.id === name && metric.type === "Gauge" &&
          Object.entries(attributes).every(([key, value]) => metric.attributes?.[key] === value)
          ? [Number(metric.state.value)]
          : []
      )[0]
  )

describe("a database that would lose work at a power cut", () => {
  it.effect("is told with the setting", () =>
    Effect.gen(function*() {
      const { inside } = yield* auditedStore
      const findings = yield* inside(
        "payments",
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          return yield* sql.withTransaction(
            Effect.andThen(sql`SET LOCAL synchronous_commit TO off`, auditSurroundings("payments", 30))
          )
        })
      )
      assert.deepStrictEqual(findings.map(({ detail, invariant }) => `${invariant}: ${detail}`), [
        "durable-settings: synchronous_commit is off"
      ])
    }))
})

describe("the metrics", () => {
  it.effect("show a violation while it stands and repair themselves", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(2)
      const standing = gauge("gstore_audit_violations", { invariant: "balance-equals-ledger" })
      assert.strictEqual(yield* standing, 0)
      yield* inside("payments", write((sql) => sql`UPDATE accounts SET balance = 5, updated_at = now()`))
      yield* audit.look
      assert.strictEqual(yield* standing, 1)
      // Mended long ago as far as its own time tells: the suspicion is what leads back to it.
      yield* inside(
        "payments",
        write((sql) => sql`UPDATE accounts SET balance = 0, updated_at = now() - interval '1 h'`)
      )
      yield* audit.look
      assert.strictEqual(yield* standing, 0)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("grow old when nobody looks, and tell how far the sweep is behind", () =>
    Effect.gen(function*() {
      const { audit } = yield* looked(10)
      yield* TestClock.adjust("50 minutes")
      yield* audit.ages
      assert.strictEqual(yield* gauge("gstore_audit_last_look_seconds"), 3_000)
      assert.strictEqual(yield* gauge("gstore_audit_sweep_age_seconds", { table: "orders" }), 3_000)
      yield* audit.look
      yield* audit.sweep
      yield* audit.ages
      assert.strictEqual(yield* gauge("gstore_audit_last_look_seconds"), 0)
      assert.strictEqual(yield* gauge("gstore_audit_sweep_age_seconds", { table: "orders" }), 0)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

describe("a store with 10 000 orders", () => {
  const counted = Effect.map(Metric.snapshot, (metrics) =>
    metrics.reduce(
      (sum, metric) =>
        metric.id === "gstore_audit_rows_checked_total" && metric.type === "Counter"
          ? sum + Number(metric.state.count)
          : sum,
      0
    ))

  it.effect("costs a look what was written and its part of the sweep, however much is stored", () =>
    Effect.gen(function*() {
      const { asked, audit, contexts, inside } = yield* looked(10_000, { sweepLeast: 1_000 })
      yield* Effect.provide(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`VACUUM orders`), contexts.orders).pipe(
        withRealClock
      )
      yield* inside(
        "orders",
        write((sql) => sql`UPDATE orders SET updated_at = now() WHERE id = ANY(${[id(9_998), id(9_999)]}::uuid[])`)
      )
      const [statements, rows] = [asked(), yield* counted]
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* audit.look).violations, [])
      yield* audit.sweep
      // 2 written, 1 000 each of orders, payments and ledger, the one account.
      assert.strictEqual((yield* counted) - rows, 3_003)
      assert.isAtMost(asked() - statements, 60)

      // Nothing was written since: only the sweep goes on.
      const [later, before] = [asked(), yield* counted]
      yield* TestClock.adjust("5 seconds")
      yield* audit.look
      yield* audit.sweep
      assert.strictEqual((yield* counted) - before, 3_001)
      assert.isAtMost(asked() - later, 60)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("finds what was written without a walk through what was not, whatever PostgreSQL expects", () =>
    Effect.gen(function*() {
      const { inside } = yield* looked(10_000)
      // What the indexes by time know of a table, they know from its vacuum.
      yield* inside("orders", write((sql) => sql`VACUUM ANALYZE`))
      const read = yield* inside(
        "orders",
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          const rowsRead = Effect.map(
            sql<{ rows: number }>`SELECT sum(seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables`,
            ([sum]) => sum?.rows ?? NaN
          )
          const { at, horizon } = yield* Rows.markNow
          return yield* sql.withTransaction(Effect.gen(function*() {
            // As it plans a statement that it has met often.
            yield* sql`SET LOCAL plan_cache_mode = force_generic_plan`
            const before = yield* rowsRead
            yield* Rows.idsWritten(Rows.orders.traces, { since: at - 60, horizon }, Rows.START, 500)
            return (yield* rowsRead) - before
          }))
        })
      )
      // 10 000 orders and their 20 000 versions are stored.
      assert.isAtMost(read, 3_000)
    }))

  it.effect("shows how many it cannot follow, until they are mended", () =>
    Effect.gen(function*() {
      const { audit, inside } = yield* looked(10_050)
      const become = (amount: number) =>
        inside("orders", write((sql) => sql`UPDATE orders SET amount = ${amount}::bigint, updated_at = now()`))
      yield* become(99)
      yield* audit.look
      assert.strictEqual(yield* gauge("gstore_audit_unfollowed"), 50)
      yield* become(100)
      yield* audit.look
      assert.strictEqual(yield* gauge("gstore_audit_unfollowed"), 0)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("has an index for every table that shows what was written", () =>
    Effect.gen(function*() {
      const { inside } = yield* looked(10_000)
      const plan = (database: DatabaseName, table: string, time: string) =>
        inside(
          database,
          Effect.gen(function*() {
            const sql = yield* SqlClient.SqlClient
            return yield* sql<{ "QUERY PLAN": string }>`
              EXPLAIN SELECT FROM ${sql(table)} WHERE ${sql(time)} > to_timestamp(${4e9}::float8)`
          })
        ).pipe(Effect.map((rows) => rows.map((row) => row["QUERY PLAN"]).join("\n")))
      assert.include(yield* plan("orders", "orders", "updated_at"), "orders_updated_at")
      assert.include(yield* plan("orders", "order_history", "occurred_at"), "order_history_occurred_at")
      assert.include(yield* plan("payments", "payments", "updated_at"), "payments_updated_at")
      assert.include(yield* plan("payments", "ledger", "created_at"), "ledger_created_at")
      assert.include(yield* plan("notifications", "feed", "occurred_at"), "feed_occurred_at")
    }))
})
