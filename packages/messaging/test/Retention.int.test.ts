import { PgClient } from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer } from "effect"
import { PurgePostgres } from "../src/postgres/PurgePostgres.ts"
import { Purge } from "../src/Purge.ts"
import { StoresPostgres } from "./fixtures/Stores.ts"

const Stores = PurgePostgres.pipe(Layer.provideMerge(StoresPostgres))

describe("Retention on PostgreSQL", () => {
  it.live("deletes a batch of rows that are too old, and no other", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient
      const purge = yield* Purge
      yield* sql`
        INSERT INTO inbox (consumer, message_id, received_at)
        SELECT 'a', n::text, now() - make_interval(days => n) FROM generate_series(1, 12) AS n`
      yield* sql`
        INSERT INTO idempotency (scope, key, hash, created_at)
        SELECT 's', n::text, 'h', now() - make_interval(hours => 10 * n) FROM generate_series(1, 4) AS n`
      assert.strictEqual(yield* purge.batch("inbox", Duration.days(8), 3), 3)
      assert.strictEqual(yield* purge.batch("inbox", Duration.days(8), 3), 2)
      assert.strictEqual(yield* purge.batch("inbox", Duration.days(8), 3), 0)
      assert.strictEqual(yield* purge.batch("idempotency", Duration.hours(24), 100), 2)
      const left = yield* sql<{ id: string }>`SELECT message_id AS id FROM inbox ORDER BY received_at DESC`
      assert.deepStrictEqual(left.map(({ id }) => id), ["1", "2", "3", "4", "5", "6", "7"])
    }).pipe(Effect.provide(Stores)))

  it.live("leaves it to the replica that is at it", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient
      const purge = yield* Purge
      const locked = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const other = yield* sql`SELECT pg_advisory_xact_lock(hashtextextended('g-store:purge:inbox', 0))`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Deferred.await(go)),
        sql.withTransaction,
        Effect.forkChild
      )
      yield* Deferred.await(locked)
      assert.isUndefined(yield* purge.batch("inbox", Duration.days(8), 3))
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(other)
      assert.strictEqual(yield* purge.batch("inbox", Duration.days(8), 3), 0)
    }).pipe(Effect.provide(Stores)))
})
