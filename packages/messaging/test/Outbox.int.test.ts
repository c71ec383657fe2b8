import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SHARDS } from "../src/Outbox.ts"
import { OutboxStore } from "../src/OutboxStore.ts"
import { OutboxPostgres } from "../src/postgres/OutboxPostgres.ts"
import { createOutboxTables } from "../src/postgres/schema.ts"
import { TransactionsPostgres } from "../src/postgres/TransactionsPostgres.ts"
import { Transactions } from "../src/Transactions.ts"
import { LeaseTime, outboxStoreContract } from "./fixtures/outboxStoreContract.ts"

const LeaseTimePostgres = Layer.effect(
  LeaseTime,
  Effect.map(PgClient.PgClient, (sql) => ({
    pass: Effect.orDie(Effect.asVoid(sql`UPDATE relay_lease SET expires_at = now() - interval '1 ms'`))
  }))
)

const Stores = Layer.mergeAll(OutboxPostgres, TransactionsPostgres, LeaseTimePostgres).pipe(
  Layer.provide(Layer.effectDiscard(createOutboxTables)),
  Layer.provide(TestDatabase)
)

outboxStoreContract("PostgreSQL", Stores)

it.live("a claim passes over shards that another is just claiming", () =>
  Effect.gen(function*() {
    const store = yield* OutboxStore
    const transactions = yield* Transactions
    const claimed = yield* Deferred.make<void>()
    const mayCommit = yield* Deferred.make<void>()
    const first = yield* store.claim({ owner: "one" }).pipe(
      Effect.tap(() => Deferred.succeed(claimed, undefined)),
      Effect.tap(() => Deferred.await(mayCommit)),
      transactions.run,
      Effect.forkChild
    )
    yield* Deferred.await(claimed)
    assert.deepStrictEqual(yield* store.claim({ owner: "two" }), [])
    yield* Deferred.succeed(mayCommit, undefined)
    assert.strictEqual((yield* Fiber.join(first)).length, SHARDS)
  }).pipe(Effect.provide(Stores)))
