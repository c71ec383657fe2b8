import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { type OwnServer, ownServer, testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { Array as Arr, Deferred, Effect, Fiber, Layer, Random, Ref, Schedule } from "effect"
import { SecureRandom } from "effect/crypto"
import { BusUnavailable } from "../src/EventBus.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { Outbox } from "../src/Outbox.ts"
import { OutboxRelay } from "../src/OutboxRelay.ts"
import { OutboxStore } from "../src/OutboxStore.ts"
import { outboxInsert, OutboxPostgres } from "../src/postgres/OutboxPostgres.ts"
import { orUnavailable, transaction } from "../src/postgres/Postgres.ts"
import { createOutboxTables } from "../src/postgres/schema.ts"
import { TransactionsPostgres } from "../src/postgres/TransactionsPostgres.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import { busLayer, firstOccurrences, idsOf, type RecordingBus, recordingBus } from "./fixtures/relay.ts"

const database = (maxConnections: number) =>
  Layer.effectDiscard(createOutboxTables).pipe(
    Layer.provideMerge(
      Layer.unwrap(Effect.map(testDatabaseUrl, (url) => PgClient.layer({ url, maxConnections })))
    )
  )
const relay = (bus: RecordingBus, options: Parameters<typeof OutboxRelay.layer>[0] = {}) =>
  OutboxRelay.layer({ polling: { shortest: 5, longest: 50 }, ...options }).pipe(
    Layer.provide(busLayer(bus)),
    Layer.provide(SecureRandom.layerWebCrypto),
    Layer.provideMerge(Layer.mergeAll(OutboxPostgres, TransactionsPostgres, MessagingHealth.layer))
  )

const drained = Effect.gen(function*() {
  const store = yield* OutboxStore
  while ((yield* Effect.orElseSucceed(store.status, () => [{}])).length > 0) yield* Effect.sleep(10)
})
const id = (nth: number) => outgoing(nth, "").id

describe("the relay on PostgreSQL", () => {
  it.live("holds neither a transaction nor a pooled connection while it publishes", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      const outbox = yield* Outbox
      yield* outbox.append([outgoing(1, "a")])
      yield* drained
      assert.deepStrictEqual(yield* sql`SELECT count(*)::int AS rows FROM outbox`, [{ rows: 0 }])
    }).pipe(
      Effect.provide(Layer.unwrap(Effect.map(PgClient.PgClient, (sql) => {
        const bus = recordingBus()
        // The pool has one connection: the query gets it, or waits for ever.
        bus.publish = (messages) =>
          sql<{ waiting: number; open: number }>`
            SELECT count(*)::int AS waiting, (SELECT count(*)::int FROM pg_stat_activity
              WHERE datname = current_database() AND state LIKE 'idle in transaction%') AS open FROM outbox`.pipe(
            Effect.orDie,
            Effect.map((rows) => {
              assert.deepStrictEqual(rows, [{ waiting: 1, open: 0 }])
              bus.log.push(...messages)
            })
          )
        return relay(bus)
      }))),
      Effect.provide(database(1))
    ))

  it.live("keeps each key's order with many writers, several relays and a bus that fails", () =>
    Effect.gen(function*() {
      const bus = recordingBus()
      const keys = Arr.makeBy(20, (nth) => `order-${nth}`)
      const relays = Arr.makeBy(3, () => {
        const fickle = recordingBus()
        fickle.publish = (messages) =>
          Effect.gen(function*() {
            const luck = yield* Random.nextIntBetween(0, 10)
            if (luck === 0) return yield* new BusUnavailable({ operation: "publish", cause: new Error("refused") })
            yield* Effect.yieldNow
            bus.log.push(...messages)
            if (luck === 1) return yield* new BusUnavailable({ operation: "publish", cause: new Error("lost") })
          })
        return Layer.fresh(relay(fickle, { batch: 10 }))
      })
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE aggregate (key text PRIMARY KEY, version int NOT NULL)`
      yield* sql`INSERT INTO aggregate SELECT *, 0 FROM unnest(${keys}::text[])`
      const ids = yield* Ref.make(0)
      // As a repository does it: lock, draw the version, write, append; many at once on the same keys.
      const step = (key: string) =>
        Effect.gen(function*() {
          const outbox = yield* Outbox
          const [row] = yield* sql<{ version: number }>`
            UPDATE aggregate SET version = version + 1 WHERE key = ${key} RETURNING version`
          yield* outbox.append([outgoing(yield* Ref.updateAndGet(ids, (nth) => nth + 1), key, {
            eventType: String(row?.version)
          })])
        }).pipe(transaction(sql))
      yield* Effect.gen(function*() {
        yield* Effect.forEach(
          Arr.makeBy(400, (nth) => keys[nth % keys.length] ?? ""),
          step,
          { concurrency: 8, discard: true }
        )
        yield* drained
      }).pipe(Effect.provide(relays[0]!), Effect.provide(relays[1]!), Effect.provide(relays[2]!))

      const versions = new Map(bus.log.map((message) => [message.headers["message_id"], message.headers["event_type"]]))
      for (const [key, seen] of firstOccurrences(bus)) {
        assert.deepStrictEqual(seen.map((nth) => versions.get(nth)), Arr.makeBy(20, (nth) => String(nth + 1)), key)
      }
      assert.strictEqual(firstOccurrences(bus).size, keys.length)
    }).pipe(Effect.provide(database(16))))

  it.live("goes on by itself when all of its connections are cut", () =>
    Effect.gen(function*() {
      const bus = recordingBus()
      const sql = yield* PgClient.PgClient
      yield* Effect.gen(function*() {
        const outbox = yield* Outbox
        yield* outbox.append([outgoing(1, "a")])
        yield* drained
        yield* Effect.ignore(sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
        yield* Effect.retry(outbox.append([outgoing(2, "a")]), { times: 10 })
        yield* drained
      }).pipe(Effect.provide(relay(bus)))
      assert.deepStrictEqual(Arr.dedupe(idsOf(bus)), [1, 2].map(id))
    }).pipe(Effect.provide(database(4))))
})

describe("the relay of a database that fails", () => {
  /** On a server of its own, which may be killed and frozen. */
  const onServer = <A, E>(
    bus: RecordingBus,
    body: (server: OwnServer) => Effect.Effect<A, E, Outbox | OutboxStore | MessagingHealth>
  ) =>
    Effect.gen(function*() {
      const server = yield* ownServer
      yield* server.start
      const client = PgClient.layer({ url: server.url, maxConnections: 4, connectTimeout: "1 second" })
      const Database = Layer.provideMerge(Layer.effectDiscard(createOutboxTables), client)
      return yield* Effect.provide(body(server), Layer.provide(relay(bus), Database))
    }).pipe(Effect.scoped)

  it.live("loses and reorders nothing when the server is killed in the middle of the work", () => {
    const bus = recordingBus()
    return onServer(
      bus,
      Effect.fnUntraced(function*(server) {
        const outbox = yield* Outbox
        const written = yield* Ref.make(0)
        // One writer a key, each with its next message only when the one before is surely written.
        const writing = yield* Effect.forEach(
          Arr.makeBy(4, (nth) => nth),
          (writer) =>
            Effect.forEach(
              Arr.makeBy(50, (nth) => nth),
              (nth) =>
                outbox.append([outgoing(writer * 1_000 + nth, `order-${writer}`)]).pipe(
                  Effect.retry(Schedule.spaced(20)),
                  Effect.andThen(Ref.update(written, (count) => count + 1)),
                  Effect.andThen(Effect.sleep(5))
                ),
              { discard: true }
            ),
          { concurrency: "unbounded", discard: true }
        ).pipe(Effect.forkChild)
        while ((yield* Ref.get(written)) < 80) yield* Effect.sleep(5)
        yield* server.kill
        yield* server.start
        yield* Fiber.join(writing)
        yield* drained
        assert.deepStrictEqual(
          Arr.makeBy(4, (writer) => firstOccurrences(bus).get(`order-${writer}`)),
          Arr.makeBy(4, (writer) => Arr.makeBy(50, (nth) => id(writer * 1_000 + nth)))
        )
      })
    )
  })

  it.live("says so when the server does not answer any more, and goes on when it does", () => {
    const bus = recordingBus()
    return onServer(
      bus,
      Effect.fnUntraced(function*(server) {
        const outbox = yield* Outbox
        const health = yield* MessagingHealth
        yield* outbox.append([outgoing(1, "a")])
        yield* drained
        yield* server.pause
        while ((yield* health.reasons).length === 0) yield* Effect.sleep(20)
        yield* server.resume
        yield* outbox.append([outgoing(2, "a")])
        yield* drained
        while ((yield* health.reasons).length > 0) yield* Effect.sleep(20)
        assert.deepStrictEqual(Arr.dedupe(idsOf(bus)), [1, 2].map(id))
      })
    )
  })
})

describe("an outbox insert inside an adapter's own statement", () => {
  it.live("draws positions after the row lock, so that they follow the order of commits", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      const store = yield* OutboxStore
      yield* sql`CREATE TABLE aggregate (key text PRIMARY KEY, version int NOT NULL)`
      yield* sql`INSERT INTO aggregate VALUES ('a', 0), ('b', 0)`
      const advance = (nth: number) =>
        orUnavailable(sql`
          WITH changed AS (UPDATE aggregate SET version = version + 1 WHERE key = 'a' RETURNING key),
            sent AS (${outboxInsert(sql, [outgoing(nth, "a")], sql`m.key IN (SELECT key FROM changed)`)})
          SELECT 1`)
      const locked = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const first = yield* sql`SELECT 1 FROM aggregate WHERE key = 'a' FOR UPDATE`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Deferred.await(goOn)),
        Effect.andThen(advance(1)),
        transaction(sql),
        Effect.forkChild
      )
      yield* Deferred.await(locked)
      const second = yield* Effect.forkChild(advance(2))
      // Until it has come as far as the lock lets it.
      const waiting = sql`
        SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      while ((yield* waiting).length === 0) yield* Effect.sleep(5)
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      const rows = yield* store.exchange({ removals: [], shards: Arr.makeBy(16, (shard) => shard), limit: 10 })
      assert.deepStrictEqual(rows.map(({ message }) => message.id), [1, 2].map(id))
    }).pipe(Effect.provide(OutboxPostgres), Effect.provide(database(4))))

  it.live("writes no message whose row was not written", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      const store = yield* OutboxStore
      yield* sql`CREATE TABLE aggregate (key text PRIMARY KEY)`
      yield* sql`INSERT INTO aggregate VALUES ('a')`
      yield* sql`
        WITH changed AS (INSERT INTO aggregate SELECT * FROM unnest(${[
        "a",
        "b"
      ]}::text[]) ON CONFLICT DO NOTHING RETURNING key),
          sent AS (${outboxInsert(sql, [outgoing(1, "a"), outgoing(2, "b")], sql`m.key IN (SELECT key FROM changed)`)})
        SELECT 1`
      const rows = yield* store.exchange({ removals: [], shards: Arr.makeBy(16, (shard) => shard), limit: 10 })
      assert.deepStrictEqual(rows.map(({ message }) => message.id), [id(2)])
    }).pipe(Effect.provide(OutboxPostgres), Effect.provide(database(4))))
})
