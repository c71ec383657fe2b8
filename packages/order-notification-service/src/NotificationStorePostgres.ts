import { DeadLettersPostgres } from "@g-store/messaging/postgres/DeadLettersPostgres.ts"
import { InboxPostgres } from "@g-store/messaging/postgres/InboxPostgres.ts"
import { PurgePostgres } from "@g-store/messaging/postgres/PurgePostgres.ts"
import { TransactionsPostgres } from "@g-store/messaging/postgres/TransactionsPostgres.ts"
import { migrations as migrated } from "@g-store/service-kit/Migrations.ts"
import { Layer } from "effect"
import { FeedPostgres } from "./FeedPostgres.ts"
import { migrations } from "./migrations.ts"

/** Everything that order-notification-service keeps, on PostgreSQL, its schema migrated (or waited for) first. */
export const NotificationStorePostgres = FeedPostgres.pipe(
  Layer.provideMerge(Layer.mergeAll(InboxPostgres, DeadLettersPostgres, TransactionsPostgres, PurgePostgres)),
  Layer.provide(migrated(migrations))
)
