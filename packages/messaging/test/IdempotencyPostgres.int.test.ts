import * as Pg from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Idempotency } from "../src/Idempotency.ts"
import { type AnsweredKey, idempotencyInsert, idempotencyLookup } from "../src/postgres/IdempotencyPostgres.ts"
import { storesOn, StoresPostgres, Waiters } from "./fixtures/Stores.ts"

const answered = (key: string, answer: AnsweredKey["answer"] = null, hash = "h"): AnsweredKey => ({
  scope: "s",
  key,
  hash,
  answer
})

describe("Idempotency keys on PostgreSQL", () => {
  it.live("stores many keys in one statement, and returns those that are new", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      yield* idempotencyInsert(sql, [answered("1", { order_id: 1 }), answered("2", null)])
      const won = yield* sql<{ scope: string; key: string; orders: bigint }>`
        WITH keys AS (${idempotencyInsert(sql, [answered("3", "x"), answered("2", "other"), answered("4", [1])])})
        SELECT scope, key FROM keys ORDER BY key`
      assert.deepStrictEqual(won.map(({ key }) => key), ["3", "4"])
      const stored = yield* idempotencyLookup(sql, ["1", "2", "3", "5"].map((key) => ({ scope: "s", key })))
      assert.sameDeepMembers([...stored], [answered("1", { order_id: 1 }), answered("2"), answered("3", "x")])
      assert.deepStrictEqual(yield* idempotencyLookup(sql, []), [])
    }).pipe(Effect.provide(StoresPostgres)))

  it.live("waits holding no key that a lesser one's owner wants, so that two batches cannot deadlock", () =>
    Effect.gen(function*() {
      const sql = yield* Pg.PgClient
      const waiters = yield* Waiters
      const stored = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const first = yield* idempotencyInsert(sql, [answered("1")]).pipe(
        Effect.andThen(Deferred.succeed(stored, undefined)),
        Effect.andThen(Deferred.await(go)),
        Effect.andThen(idempotencyInsert(sql, [answered("2")])),
        sql.withTransaction,
        Effect.forkChild
      )
      yield* Deferred.await(stored)
      const second = yield* Effect.forkChild(
        sql.withTransaction(idempotencyInsert(sql, [answered("2"), answered("1")]))
      )
      yield* waiters.waiting(1)
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual((yield* Fiber.join(first)).length, 1)
      assert.strictEqual((yield* Fiber.join(second)).length, 0)
    }).pipe(Effect.provide(StoresPostgres)))

  it.live("gives up on a twin that works for more than 5 seconds", () =>
    Effect.gen(function*() {
      const idempotency = yield* Idempotency
      const waiters = yield* Waiters
      const begun = yield* Deferred.make<void>()
      const use = { scope: "s", key: "k", hash: "h" }
      const first = yield* Deferred.succeed(begun, undefined).pipe(
        Effect.andThen(Effect.never),
        (effect) => idempotency.once(use, effect),
        Effect.forkChild
      )
      yield* Deferred.await(begun)
      const twin = yield* Effect.forkChild(Effect.flip(idempotency.once(use, Effect.succeed(2))))
      yield* waiters.waiting(1)
      assert.strictEqual((yield* Fiber.join(twin))._tag, "KeyInUse")
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* idempotency.once(use, Effect.succeed(3)), { answer: 3, replayed: false })
    }).pipe(Effect.provide(StoresPostgres)))

  it.live("bounds the wait for the key alone, not the waits of the effect", () =>
    Effect.gen(function*() {
      const url = yield* testDatabaseUrl
      const Database = Pg.layer({ url, startupParameters: { lock_timeout: "1234ms" } })
      yield* Effect.gen(function*() {
        const sql = yield* Pg.PgClient
        const idempotency = yield* Idempotency
        const shown = sql<{ lock_timeout: string }>`SHOW lock_timeout`.pipe(
          Effect.map(([row]) => row?.lock_timeout ?? "")
        )
        const { answer } = yield* idempotency.once({ scope: "s", key: "k", hash: "h" }, shown)
        assert.strictEqual(answer, "1234ms")
        assert.strictEqual(yield* shown, "1234ms")
      }).pipe(Effect.provide(Layer.fresh(storesOn(Database))))
    }).pipe(Effect.scoped))
})
