import * as Pg from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { ownServer } from "@g-store/postgres/TestPostgres.ts"
import { Deferred, Effect, Fiber, Layer, References } from "effect"
import { DeadLetters } from "../src/DeadLetters.ts"
import { InboxStore } from "../src/InboxStore.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { orUnavailable } from "../src/postgres/Postgres.ts"
import { processing } from "./fixtures/consumerContract.ts"
import { batchOf, count, Counter, counting, counts } from "./fixtures/Counting.ts"
import { storesOn, StoresPostgres } from "./fixtures/Stores.ts"

const applied = (key: string) => Effect.flatMap(Counter, (counter) => counter.applied(key))

const letters = (state: "any" | "unsettled" = "any") =>
  Effect.flatMap(DeadLetters, (deadLetters) => deadLetters.list({ state }))

const quietly = Effect.provideService(References.MinimumLogLevel, "None")

const Live = Layer.merge(StoresPostgres, MessagingHealth.layer)

describe("A consumer whose PostgreSQL refuses or goes away", () => {
  it.live("sets aside what violates a constraint (class 23) or is no fit value (class 22)", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      const process = yield* processing(counting({
        before: (messages) =>
          messages.some(({ value }) => value === 7)
            ? orUnavailable(sql`SELECT 'seven'::int`)
            : Effect.void
      }))
      yield* process(batchOf([count("a", 1), count("b", -5), count("c", 7), count("d", 2)]))
      assert.deepStrictEqual([yield* applied("a"), yield* applied("d")], [[1], [2]])
      const [second, third] = yield* letters()
      assert.match(second?.reason ?? "", /^database error 23514: .*applied_n_check/)
      assert.match(third?.reason ?? "", /^database error 22P02: .*seven/)
    }).pipe(Effect.provide(Live), quietly))

  it.live("sets aside what the driver cannot even send", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      const process = yield* processing(counting({
        before: (messages) =>
          messages.some(({ value }) => value === 2) ? orUnavailable(sql`SELECT ${[null]}::text[]`) : Effect.void
      }))
      yield* process(batchOf(counts("a", 1, 3)))
      assert.deepStrictEqual(yield* applied("a"), [1])
      assert.include((yield* letters())[0]?.reason, "Cannot infer the type")
    }).pipe(Effect.provide(Live), quietly))

  it.live("waits for a schema that is not there yet, and sets nothing aside", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      let tries = 0
      const process = yield* processing(counting({
        before: () => tries++ < 4 ? orUnavailable(sql`SELECT * FROM not_yet_there`) : Effect.void
      }))
      yield* process(batchOf([count("a", 1)]))
      assert.deepStrictEqual([yield* applied("a"), yield* letters(), tries], [[1], [], 5])
    }).pipe(Effect.provide(Live), quietly))

  it.live("handles the batch again when its connection is cut in the middle of it", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      const health = yield* MessagingHealth
      const pids: Array<number> = []
      const reasons: Array<ReadonlyArray<string>> = []
      const process = yield* processing(counting({
        before: Effect.fnUntraced(function*() {
          reasons.push(yield* health.reasons)
          if (pids.length >= 4) return
          const [row] = yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`
          pids.push(row?.pid ?? 0)
          // It ends the very connection that asks, so no answer is expected.
          yield* Effect.ignore(sql`SELECT pg_terminate_backend(${row?.pid ?? 0})`)
        })
      }))
      // More often than a message is tried that fails by itself.
      yield* process(batchOf([count("a", 1)]))
      assert.strictEqual(pids.length, 4)
      assert.deepStrictEqual(yield* letters(), [])
      assert.deepStrictEqual(yield* applied("a"), [1])
      assert.isNotEmpty(reasons[4])
      assert.deepStrictEqual(yield* health.reasons, [])
    }).pipe(Effect.provide(Live), quietly))

  it.live("sets nothing aside over a restart of PostgreSQL, and loses and doubles nothing", () =>
    Effect.gen(function*() {
      const server = yield* ownServer
      const Database = Pg.layer({ url: server.url, maxConnections: 5 })
      yield* Effect.gen(function*() {
        const there = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const process = yield* processing(counting({
          before: (messages) =>
            messages.some(({ value }) => value === 5)
              ? Effect.andThen(Deferred.succeed(there, undefined), Deferred.await(go))
              : Effect.void
        }))
        yield* process(batchOf(counts("a", 1, 3)))
        const stuck = yield* Effect.forkChild(process(batchOf(counts("a", 1, 8))))
        yield* Deferred.await(there)
        yield* server.stop
        yield* Deferred.succeed(go, undefined)
        const away = yield* Effect.forkChild(process(batchOf(counts("b", 1, 8))))
        yield* server.start
        yield* Fiber.join(stuck)
        yield* Fiber.join(away)
        assert.deepStrictEqual(yield* letters(), [])
        assert.deepStrictEqual(yield* applied("a"), [1, 2, 3, 4, 5, 6, 7, 8])
        assert.deepStrictEqual(yield* applied("b"), [1, 2, 3, 4, 5, 6, 7, 8])
      }).pipe(Effect.provide(Layer.merge(storesOn(Database), MessagingHealth.layer)))
    }).pipe(Effect.scoped, quietly))

  it.live("makes dead letters of messages whose very names PostgreSQL cannot hold", () =>
    Effect.gen(function*() {
      const process = yield* processing(counting({ before: () => Effect.die("no") }))
      const odd = (key: string | null, id: string, header = "x") => ({
        ...count(key, 1, id),
        headers: { message_id: id, event_type: "Counted", "odd\0name": header }
      })
      yield* process(batchOf([
        odd("nul\0key", "nul\0id", "nul\0value"),
        odd("half \ud800 pair", "half \udfff pair", "\ud800"),
        odd("k".repeat(100_000), "i".repeat(100_000)),
        odd(null, "plain"),
        { ...count("t", 1), payload: new Uint8Array(), headers: {} }
      ]))
      const found = yield* letters()
      assert.deepStrictEqual(found.map(({ messageId }) => messageId).toSorted(), [
        "counts/0/0",
        "counts/0/1",
        "counts/0/2",
        "plain"
      ])
      // They wait behind each other under the names that they were given.
      yield* process(batchOf([odd("nul\0key", "next"), odd("k".repeat(100_000), "another")]))
      assert.strictEqual((yield* letters()).reduce((sum, { waiting }) => sum + waiting, 0), 2)
    }).pipe(Effect.provide(Live), quietly))

  it.live("does not change anything when its inbox was emptied and all messages come again", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      // Idempotent by its domain: what is not beyond the last number of its key changes nothing.
      const process = yield* processing({
        ...counting(),
        handle: Effect.fnUntraced(function*(messages) {
          const counter = yield* Counter
          for (const { key, value } of messages) {
            const last = (yield* counter.applied(key ?? "")).at(-1) ?? 0
            if (value > last) yield* counter.append([{ key: key ?? "", n: value }])
          }
        })
      })
      yield* process(batchOf([...counts("a", 1, 5), ...counts("b", 1, 5)]))
      yield* sql`TRUNCATE inbox`
      yield* process(batchOf([...counts("a", 1, 6), ...counts("b", 1, 5)]))
      assert.deepStrictEqual([yield* applied("a"), yield* applied("b")], [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5]])
    }).pipe(Effect.provide(Live), quietly))

  it.live("refuses to open a gate with messages behind it", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      const process = yield* processing(counting({ before: () => Effect.die("no") }))
      yield* process(batchOf(counts("a", 1, 3)))
      const error = yield* Effect.flip(sql`DELETE FROM parked_key`)
      assert.strictEqual(error.reason._tag, "ConstraintError")
      assert.strictEqual((yield* (yield* InboxStore).gates("counting", ["a"])).size, 1)
    }).pipe(Effect.provide(Live), quietly))
})
