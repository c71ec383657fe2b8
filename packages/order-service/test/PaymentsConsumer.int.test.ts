import { DeadLettersPostgres } from "@g-store/messaging/postgres/DeadLettersPostgres.ts"
import { InboxPostgres } from "@g-store/messaging/postgres/InboxPostgres.ts"
import { Layer } from "effect"
import { paymentsContract } from "./paymentsContract.ts"
import { PostgresStore } from "./stores.ts"

paymentsContract(
  "PostgreSQL",
  Layer.mergeAll(InboxPostgres, DeadLettersPostgres).pipe(Layer.provideMerge(PostgresStore))
)
