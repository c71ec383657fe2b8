import * as PgClient from "@effect/sql-pg/PgClient"
import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { Effect, Layer } from "effect"
import { OutboxPostgres } from "../src/postgres/OutboxPostgres.ts"
import { createOutboxTables } from "../src/postgres/schema.ts"
import { TransactionsPostgres } from "../src/postgres/TransactionsPostgres.ts"
import { LeaseTime, outboxStoreContract } from "./fixtures/outboxStoreContract.ts"

const LeaseTimePostgres = Layer.effect(
  LeaseTime,
  Effect.map(PgClient.PgClient, (sql) => ({
    pass: Effect.orDie(Effect.asVoid(sql`UPDATE relay_lease SET expires_at = now() - interval '1 ms'`))
  }))
)

outboxStoreContract(
  "PostgreSQL",
  Layer.mergeAll(OutboxPostgres, TransactionsPostgres, LeaseTimePostgres).pipe(
    Layer.provide(Layer.effectDiscard(createOutboxTables)),
    Layer.provide(TestDatabase)
  )
)
