import { migrations as notifications } from "@g-store/order-notification-service/migrations.ts"
import { migrations as orders } from "@g-store/order-service/adapters/migrations.ts"
import { migrations as payments } from "@g-store/payment-service/adapters/migrations.ts"
import { migrate, type MigrationRecord } from "@g-store/service-kit/Migrations.ts"
import { Effect, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { clientOf } from "../Ground.ts"
import { limitText } from "../Limits.ts"
import { storeDatabases } from "./store.ts"

/** Of stored orders: far more than the cache of pages holds, so that an order meets rows that nobody read lately. */
const CUSTOMERS = 10_000

const filled = Effect.fnUntraced(
  function*(url: Redacted.Redacted, schema: MigrationRecord, file: string, count: number) {
    const sql = yield* clientOf(url)
    yield* migrate(schema).pipe(Effect.provideService(SqlClient.SqlClient, sql))
    const text = (yield* limitText(file)).replaceAll(":count", String(count)).replaceAll(
      ":customers",
      String(CUSTOMERS)
    )
    for (const statement of text.split(/;\s*$/m)) {
      if (statement.trim() !== "") yield* sql.unsafe(statement)
    }
  },
  Effect.scoped
)

/** Stores so many paid orders as the services would have, books and feed included: the audit holds on them. */
export const fill = Effect.fnUntraced(function*(name: string, count: number) {
  const urls = yield* storeDatabases(name)
  yield* filled(urls.orders, orders, "fill/orders.sql", count)
  yield* filled(urls.payments, payments, "fill/payments.sql", count)
  yield* filled(urls.notifications, notifications, "fill/notifications.sql", count)
})
