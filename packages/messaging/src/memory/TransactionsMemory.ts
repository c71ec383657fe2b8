import { Effect, Layer } from "effect"
import { Transactions } from "../Transactions.ts"
import { MemoryDatabase } from "./MemoryDatabase.ts"

export const TransactionsMemory = Layer.effect(
  Transactions,
  Effect.map(MemoryDatabase, (database) => Transactions.of({ run: database.transaction }))
)
