import { PaymentsApi } from "@g-store/contracts/PaymentsApi.ts"
import { consume } from "@g-store/messaging/Inbox.ts"
import { serviceRoutes } from "@g-store/service-kit/ServiceRoutes.ts"
import { Effect, Layer } from "effect"
import { AccountsHandlers, PaymentsHandlers, PUBLIC_PATH } from "./adapters/http.ts"
import { makeOrdersConsumer } from "./adapters/orders.ts"
import { Payments } from "./application/Payments.ts"

/** What payment-service answers over HTTP. */
export const PaymentService = serviceRoutes(PaymentsApi, Layer.mergeAll(AccountsHandlers, PaymentsHandlers), {
  publicPath: PUBLIC_PATH
})

/** What payment-service does by itself: hear of orders. */
export const PaymentWorkers = Layer.unwrap(Effect.map(makeOrdersConsumer, (consumer) => consume(consumer))).pipe(
  Layer.provide(Payments.layer)
)
