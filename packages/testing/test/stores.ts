import type { InboxRow } from "@g-store/messaging/memory/inboxRows.ts"
import { pair } from "@g-store/messaging/memory/inboxRows.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { NotificationStoreMemory } from "@g-store/order-notification-service/NotificationStoreMemory.ts"
import { NotificationStorePostgres } from "@g-store/order-notification-service/NotificationStorePostgres.ts"
import { OrderStoreMemory } from "@g-store/order-service/OrderStoreMemory.ts"
import { OrderStorePostgres } from "@g-store/order-service/OrderStorePostgres.ts"
import { PaymentStoreMemory } from "@g-store/payment-service/PaymentStoreMemory.ts"
import { PaymentStorePostgres } from "@g-store/payment-service/PaymentStorePostgres.ts"
import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { Context, Effect, Layer, References } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"

/** Empties the inbox: what has been taken is forgotten. */
export class ForgetInbox extends Context.Service<ForgetInbox, Effect.Effect<void>>()("@g-store/testing/ForgetInbox") {}

const ForgetMemory = Layer.effect(
  ForgetInbox,
  Effect.map(MemoryDatabase, (database) =>
    Effect.orDie(database.statement("forget", [], (rows) => {
      for (const { consumer, messageId } of rows.scan<InboxRow>("inbox")) {
        rows.remove("inbox", pair(consumer, messageId))
      }
    })))
)
const inMemory = <A, E, R>(store: Layer.Layer<A, E, R>) =>
  Layer.merge(store, ForgetMemory).pipe(
    Layer.provide(MemoryDatabase.layer),
    Layer.provide(SecureRandom.layerWebCrypto)
  )
export const MemoryStores = {
  orders: inMemory(OrderStoreMemory),
  payments: inMemory(PaymentStoreMemory),
  notifications: inMemory(NotificationStoreMemory)
}

const ForgetPostgres = Layer.effect(
  ForgetInbox,
  Effect.map(SqlClient.SqlClient, (sql) => Effect.asVoid(Effect.orDie(sql`DELETE FROM inbox`)))
)
/** A fresh database for each of them. */
const onPostgres = <A, E, R>(store: Layer.Layer<A, E, R>) =>
  Layer.merge(store, ForgetPostgres).pipe(
    Layer.provide(TestDatabase),
    Layer.provide(SecureRandom.layerWebCrypto),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn"))
  )
export const PostgresStores = {
  orders: onPostgres(OrderStorePostgres),
  payments: onPostgres(PaymentStorePostgres),
  notifications: onPostgres(NotificationStorePostgres)
}

export interface StoreLayers {
  readonly orders: typeof MemoryStores.orders | typeof PostgresStores.orders
  readonly payments: typeof MemoryStores.payments | typeof PostgresStores.payments
  readonly notifications: typeof MemoryStores.notifications | typeof PostgresStores.notifications
}
