import { DeadLettersPostgres } from "@g-store/messaging/postgres/DeadLettersPostgres.ts"
import { IdempotencyPostgres } from "@g-store/messaging/postgres/IdempotencyPostgres.ts"
import { InboxPostgres } from "@g-store/messaging/postgres/InboxPostgres.ts"
import { OutboxPostgres } from "@g-store/messaging/postgres/OutboxPostgres.ts"
import { PurgePostgres } from "@g-store/messaging/postgres/PurgePostgres.ts"
import { TransactionsPostgres } from "@g-store/messaging/postgres/TransactionsPostgres.ts"
import { migrations as migrated } from "@g-store/service-kit/Migrations.ts"
import { Layer } from "effect"
import { migrations } from "./adapters/migrations.ts"
import { OrderRepositoryPostgres } from "./adapters/OrderRepositoryPostgres.ts"

/** Everything that order-service keeps, on PostgreSQL, its schema migrated (or waited for) first. */
export const OrderStorePostgres = OrderRepositoryPostgres.pipe(
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
