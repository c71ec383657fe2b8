import { OrdersApi } from "@g-store/contracts/OrdersApi.ts"
import { consume } from "@g-store/messaging/Inbox.ts"
import { retention } from "@g-store/messaging/Retention.ts"
import { retentionIdempotency, retentionInbox } from "@g-store/service-kit/ServiceConfig.ts"
import { serviceRoutes } from "@g-store/service-kit/ServiceRoutes.ts"
import { Effect, Layer } from "effect"
import { OrdersHandlers, PUBLIC_PATH, StaffOrdersHandlers } from "./adapters/http.ts"
import { makePaymentsConsumer } from "./adapters/payments.ts"
import { Payments } from "./application/Payments.ts"

/** What order-service answers over HTTP. */
export const OrderService = serviceRoutes(OrdersApi, Layer.mergeAll(OrdersHandlers, StaffOrdersHandlers), {
  publicPath: PUBLIC_PATH
})

const Consumer = Layer.unwrap(Effect.map(makePaymentsConsumer, (consumer) => consume(consumer))).pipe(
  Layer.provide(Payments.layer)
)

const Retention = Layer.unwrap(Effect.gen(function*() {
  return retention(["inbox", "idempotency"], {
    inbox: yield* retentionInbox,
    idempotency: yield* retentionIdempotency
  })
}))

/** What order-service does by itself: hear of payments, and forget what has become too old to matter. */
export const OrderWorkers = Layer.merge(Consumer, Retention)
