import { EventBusKafka } from "@g-store/messaging/kafka/EventBusKafka.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import { adminServer } from "@g-store/service-kit/AdminServer.ts"
import { databaseConfig } from "@g-store/service-kit/Database.ts"
import { Guards } from "@g-store/service-kit/Guards.ts"
import { databaseHealth, Health, messagingHealth, readyWhile } from "@g-store/service-kit/Health.ts"
import { httpServer, serve } from "@g-store/service-kit/HttpServer.ts"
import { logging } from "@g-store/service-kit/Logging.ts"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { adminPort, databaseUrl, host, httpPort } from "@g-store/service-kit/ServiceConfig.ts"
import { TokenKeys } from "@g-store/service-kit/TokenKeys.ts"
import { tracing } from "@g-store/service-kit/Tracing.ts"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { PaymentService, PaymentWorkers } from "./PaymentService.ts"
import { PaymentStorePostgres } from "./PaymentStorePostgres.ts"

/** Everything that runs on the service's database. */
const Payments = Layer.mergeAll(
  PaymentService,
  PaymentWorkers,
  OutboxRelay.layer({ service: "payment-service" }),
  databaseHealth("payments"),
  messagingHealth
).pipe(
  Layer.provide(PaymentStorePostgres),
  Layer.provide(databaseConfig(databaseUrl, "payment-service"))
)

const Program = Layer.unwrap(Effect.gen(function*() {
  const address = yield* host
  const Http = serve(Payments).pipe(
    Layer.provide(httpServer({ host: address, port: yield* httpPort, variable: "HTTP_PORT" }))
  )
  const Admin = adminServer({ host: address, port: yield* adminPort, variable: "ADMIN_PORT" })
  return readyWhile(Http).pipe(Layer.provide(Admin))
}))

runProcess(Program.pipe(
  Layer.provide(Layer.provide(Guards, TokenKeys.layerConfig)),
  Layer.provide([EventBusKafka.layer, Health.layer]),
  Layer.provide([MessagingHealth.layer, SecureRandom.layerWebCrypto]),
  Layer.provide(logging("payment-service")),
  Layer.provide(tracing("payment-service"))
))
