import { EventBusKafka } from "@g-store/messaging/kafka/EventBusKafka.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
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
import { Config, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { LiveTail } from "./LiveTail.ts"
import { NotificationService, NotificationWorkers } from "./NotificationService.ts"
import { NotificationStorePostgres } from "./NotificationStorePostgres.ts"
import { OrderSocket } from "./websocket.ts"

/** A group of its own for each replica: in a container the host name is the container's, and stays over its restarts. */
const Workers = Layer.unwrap(Effect.gen(function*() {
  const random = yield* SecureRandom.SecureRandom
  const instance = yield* Config.String("HOSTNAME").pipe(Config.withDefault(yield* random.uuidV4()))
  return NotificationWorkers(`g-store.order-notification-service.${instance}`)
}))

/** Everything that runs on the service's database. */
const Notifications = Layer.mergeAll(
  NotificationService,
  OrderSocket(),
  Workers,
  databaseHealth("notifications"),
  messagingHealth
).pipe(
  Layer.provide(LiveTail.layer),
  Layer.provide(NotificationStorePostgres),
  Layer.provide(databaseConfig(databaseUrl, "order-notification-service"))
)

const Program = Layer.unwrap(Effect.gen(function*() {
  const address = yield* host
  const Http = serve(Notifications).pipe(
    Layer.provide(httpServer({ host: address, port: yield* httpPort, variable: "HTTP_PORT" }))
  )
  const Admin = adminServer({ host: address, port: yield* adminPort, variable: "ADMIN_PORT" })
  return readyWhile(Http).pipe(Layer.provide(Admin))
}))

runProcess(Program.pipe(
  Layer.provide(Layer.provide(Guards, TokenKeys.layerConfig)),
  Layer.provide([EventBusKafka.layer, Health.layer]),
  Layer.provide([MessagingHealth.layer, SecureRandom.layerWebCrypto]),
  Layer.provide(logging("order-notification-service")),
  Layer.provide(tracing("order-notification-service"))
))
