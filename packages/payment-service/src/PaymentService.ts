import { PaymentsApi } from "@g-store/contracts/PaymentsApi.ts"
import { consume } from "@g-store/messaging/Inbox.ts"
import { retention } from "@g-store/messaging/Retention.ts"
import { retentionIdempotency, retentionInbox } from "@g-store/service-kit/ServiceConfig.ts"
import { serviceRoutes } from "@g-store/service-kit/ServiceRoutes.ts"
import { Effect, Layer } from "effect"
import { AccountsHandlers, PaymentsHandlers, PUBLIC_PATH } from "./adapters/http.ts"
import { makeOrdersConsumer } from "./adapters/orders.ts"
import { Payments } from "./application/Payments.ts"

/** What payment-service answers over HTTP. */
export const PaymentService = serviceRoutes(PaymentsApi, Layer.mergeAll(AccountsHandlers, PaymentsHandlers), {
  publicPath: PUBLIC_PATH
})

const Consumer = Layer.unwrap(Effect.map(makeOrdersConsumer, (consumer) => consume(consumer))).pipe(
  Layer.provide(Payments.layer)
)

const Retention = Layer.unwrap(Effect.gen(function*() {
  return retention(["inbox", "idempotency"], {
    inbox: yield* retentionInbox,
    idempotency: yield* retentionIdempotency
  })
}))

/** What payment-service does by itself: hear of orders, and forget what has become too old to matter. */
export const PaymentWorkers = Layer.merge(Consumer, Retention)
