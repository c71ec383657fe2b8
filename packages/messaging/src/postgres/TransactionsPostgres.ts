import { PgClient } from "@effect/sql-pg/PgClient"
import { Effect, Layer } from "effect"
import { Transactions } from "../Transactions.ts"
import { transaction } from "./Postgres.ts"

export const TransactionsPostgres = Layer.effect(
  Transactions,
  Effect.map(PgClient, (sql) => Transactions.of({ run: transaction(sql) }))
)
