import { DeadLettersPostgres } from "@g-store/messaging/postgres/DeadLettersPostgres.ts"
import { IdempotencyPostgres } from "@g-store/messaging/postgres/IdempotencyPostgres.ts"
import { InboxPostgres } from "@g-store/messaging/postgres/InboxPostgres.ts"
import { OutboxPostgres } from "@g-store/messaging/postgres/OutboxPostgres.ts"
import { PurgePostgres } from "@g-store/messaging/postgres/PurgePostgres.ts"
import { TransactionsPostgres } from "@g-store/messaging/postgres/TransactionsPostgres.ts"
import { migrations as migrated } from "@g-store/service-kit/Migrations.ts"
import { Layer } from "effect"
import { AccountRepositoryPostgres } from "./adapters/AccountRepositoryPostgres.ts"
import { migrations } from "./adapters/migrations.ts"
import { PaymentRepositoryPostgres } from "./adapters/PaymentRepositoryPostgres.ts"

/** Everything that payment-service keeps, on PostgreSQL, its schema migrated (or waited for) first. */
export const PaymentStorePostgres = Layer.mergeAll(AccountRepositoryPostgres, PaymentRepositoryPostgres).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      OutboxPostgres,
      InboxPostgres,
      DeadLettersPostgres,
      IdempotencyPostgres,
      TransactionsPostgres,
      PurgePostgres
    )
  ),
  Layer.provide(migrated(migrations))
)
