import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { audit } from "../src/audit/Audit.ts"
import type { DatabaseName } from "../src/StoreConfig.ts"
import { auditedStore, id, paidOrders, USER, write } from "./audit/AuditedStore.ts"

type Sql = Parameters<typeof write>[0]
type Written = readonly [database: DatabaseName, sql: Sql]
type Store = Effect.Success<typeof auditedStore>

const writeAll = ({ inside }: Store, all: ReadonlyArray<Written>) =>
  Effect.forEach(all, ([database, sql]) => inside(database, write(sql)), { discard: true })

/** An audit on a clock on which nobody waits; `meanwhile` is written while it does, in the wait that ends at this second. */
const audited = Effect.fnUntraced(function*(
  store: Store,
  meanwhile: Readonly<Record<number, ReadonlyArray<Written>>> = {}
) {
  const clock = yield* TestClock.testClockWith(Effect.succeed)
  const begun = clock.currentTimeMillisUnsafe()
  const seconds = () => Math.round((clock.currentTimeMillisUnsafe() - begun) / 1_000)
  const sleep = Effect.fnUntraced(function*(duration: Duration.Duration) {
    yield* clock.adjust(duration)
    yield* Effect.orDie(writeAll(store, meanwhile[seconds()] ?? []))
  })
  const { breaches, warnings } = yield* audit(store.inside, {
    journal: [],
    settle: Duration.seconds(30),
    feedRetention: Duration.days(90)
  }).pipe(Effect.provideService(Clock.Clock, { ...clock, sleep }))
  const told = (findings: typeof breaches) => findings.map((finding) => `${finding.invariant} ${finding.id}`)
  return { breaches: told(breaches), warnings: told(warnings), seconds: seconds() }
})

const [A, B] = [id(0xa), id(0xb)]

const placed = (order: string): ReadonlyArray<Written> => [
  [
    "orders",
    (sql) =>
      sql`WITH placed AS (
          INSERT INTO orders (id, user_id, amount, status, version, created_at, updated_at)
          VALUES (${order}::uuid, ${USER}::uuid, 100, 'PENDING', 1, now(), now()))
        INSERT INTO order_history (order_id, version, status, actor_type, occurred_at)
        VALUES (${order}::uuid, 1, 'PENDING', 'CUSTOMER', now())`
  ],
  [
    "notifications",
    (sql) =>
      sql`INSERT INTO feed (order_id, version, user_id, status, occurred_at)
        VALUES (${order}::uuid, 1, ${USER}::uuid, 'PENDING', now())`
  ]
]

/** A store with whole orders, and two that nobody decided about yet. */
const withUndecided = Effect.gen(function*() {
  const store = yield* auditedStore
  yield* paidOrders(store.inside, 3, "1 hour")
  yield* writeAll(store, [...placed(A), ...placed(B)])
  return store
})

const declined = (order: string, amount = 100): Written => [
  "payments",
  (sql) =>
    sql`INSERT INTO payments (order_id, user_id, state, amount, failure_reason, created_at, updated_at)
      VALUES (${order}::uuid, ${USER}::uuid, 'DECLINED', ${amount}::bigint, 'NO_ACCOUNT', now(), now())`
]

const cancelled = (order: string): ReadonlyArray<Written> => [
  [
    "orders",
    (sql) =>
      sql`WITH moved AS (
          UPDATE orders SET status = 'CANCELLED', cancellation_reason = 'NO_PAYMENT_ACCOUNT', version = 2, updated_at = now()
          WHERE id = ${order}::uuid)
        INSERT INTO order_history (order_id, version, status, actor_type, reason, occurred_at)
        VALUES (${order}::uuid, 2, 'CANCELLED', 'PAYMENT', 'NO_PAYMENT_ACCOUNT', now())`
  ],
  [
    "notifications",
    (sql) =>
      sql`INSERT INTO feed (order_id, version, user_id, status, occurred_at)
        VALUES (${order}::uuid, 2, ${USER}::uuid, 'CANCELLED', now())`
  ]
]

/** The letter of a message without a key, so that no gate tells of it. */
const letter = (state: string): Written => [
  "payments",
  (sql) =>
    sql`INSERT INTO dead_letter (id, consumer, message_id, topic, partition, "offset", headers, reason, attempts,
        first_failed_at, last_failed_at, state)
      VALUES (${id(5)}::uuid, 'orders', 'm', 'order.events', 0, 0, '{}', 'poison', 3, now(), now(), ${state})`
]

describe("the audit command", () => {
  it.effect("waits for work in flight no longer than it takes", () =>
    Effect.gen(function*() {
      const store = yield* withUndecided
      const result = yield* audited(store, {
        1: [declined(A), declined(B), ...cancelled(A)],
        3: cancelled(B)
      })
      assert.deepStrictEqual(result, { breaches: [], warnings: [], seconds: 3 })
    }))

  it.effect("tells what was never done", () =>
    Effect.gen(function*() {
      const store = yield* withUndecided
      const result = yield* audited(store, { 2: [declined(A), ...cancelled(A)] })
      assert.deepStrictEqual(result, { breaches: [`one-decision ${B}`], warnings: [], seconds: 30 })
    }))

  it.effect("keeps a breach that comes to light while it waits for others", () =>
    Effect.gen(function*() {
      const store = yield* withUndecided
      const result = yield* audited(store, {
        1: [declined(A, 99), ...cancelled(A)],
        3: [declined(B), ...cancelled(B)]
      })
      assert.deepStrictEqual(result.breaches, [`one-payment-one-refund ${A}`])
    }))

  it.effect("takes an order for at work while something else is missing than before", () =>
    Effect.gen(function*() {
      const store = yield* withUndecided
      const result = yield* audited(store, {
        1: [declined(B), ...cancelled(B)],
        20: [declined(A)],
        40: cancelled(A)
      })
      assert.deepStrictEqual(result, { breaches: [], warnings: [], seconds: 40 })
    }))

  it.effect("and not for longer than the same thing may be missing", () =>
    Effect.gen(function*() {
      const store = yield* withUndecided
      const result = yield* audited(store, { 1: [declined(B), ...cancelled(B)], 20: [declined(A)] })
      assert.deepStrictEqual(result, { breaches: [`status-agrees-with-payment ${A}`], warnings: [], seconds: 50 })
    }))

  it.effect.each(["replay requested", "discard requested"])(
    "tells a letter whose consumer never acts: %s",
    (state) =>
      Effect.gen(function*() {
        const store = yield* auditedStore
        yield* writeAll(store, [letter(state)])
        const result = yield* audited(store)
        assert.deepStrictEqual(result, { breaches: [`no-dead-letter ${id(5)}`], warnings: [], seconds: 30 })
      })
  )

  it.effect("tells no letter that is settled while it waits, and one that fails again", () =>
    Effect.gen(function*() {
      const store = yield* auditedStore
      yield* writeAll(store, [letter("replay requested")])
      const becomes = (state: string): Written => ["payments", (sql) => sql`UPDATE dead_letter SET state = ${state}`]
      assert.deepStrictEqual((yield* audited(store, { 2: [becomes("replayed")] })).breaches, [])
      yield* writeAll(store, [becomes("replay requested")])
      assert.deepStrictEqual((yield* audited(store, { 4: [becomes("open")] })).breaches, [`no-dead-letter ${id(5)}`])
    }))

  it.effect("waits for messages on their way out, and warns of those that came meanwhile", () =>
    Effect.gen(function*() {
      const store = yield* auditedStore
      const leaving = (n: number, shard: number): Written => [
        "orders",
        (sql) =>
          sql`INSERT INTO outbox (shard, message_id, topic, key, event_type, payload, created_at)
            VALUES (${shard}::int, ${id(n)}::uuid, 'order.events', ${id(n)}, 'OrderCreated', '', now())`
      ]
      const gone = (n: number): Written => ["orders", (sql) => sql`DELETE FROM outbox WHERE key = ${id(n)}`]
      const stuck: Written = ["orders", (sql) => sql`UPDATE outbox SET created_at = now() - interval '30 s'`]
      yield* writeAll(store, [leaving(6, 1), leaving(7, 2)])
      assert.deepStrictEqual(yield* audited(store, { 1: [gone(6), stuck] }), {
        breaches: [`outbox-empty ${id(7)}`],
        warnings: [],
        seconds: 1
      })
      yield* writeAll(store, [gone(7), leaving(8, 1)])
      assert.deepStrictEqual(yield* audited(store, { 2: [gone(8), leaving(9, 1)] }), {
        breaches: [],
        warnings: [`outbox-empty ${id(9)}`],
        seconds: 2
      })
    }))
})
