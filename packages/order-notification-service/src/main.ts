import { runProcess } from "@g-store/service-kit/Main.ts"
import { serviceProgram } from "@g-store/service-kit/ServiceProgram.ts"
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

const layer = Layer.mergeAll(NotificationService, OrderSocket(), Workers).pipe(
  Layer.provide(LiveTail.layer),
  Layer.provide(NotificationStorePostgres)
)

runProcess(serviceProgram("order-notification-service", { database: "notifications", layer }))
