// order-service as it ships, guards, validation and log included, with nothing consumed and nothing relayed.
import { mounted } from "@g-store/g-store/Gateway.ts"
import { DevelopmentKeys, DevelopmentTokenKeys } from "@g-store/identity-service/DevelopmentKeys.ts"
import { IdentityService } from "@g-store/identity-service/IdentityService.ts"
import { OrderService } from "@g-store/order-service/OrderService.ts"
import { OrderStorePostgres } from "@g-store/order-service/OrderStorePostgres.ts"
import { databaseConfig } from "@g-store/service-kit/Database.ts"
import { Guards } from "@g-store/service-kit/Guards.ts"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { PooledRandom } from "@g-store/service-kit/PooledRandom.ts"
import { databaseUrl } from "@g-store/service-kit/ServiceConfig.ts"
import { httpProgram } from "@g-store/service-kit/ServiceProgram.ts"
import { Config, Effect, Layer } from "effect"

const Keys = Layer.unwrap(Effect.map(Config.String("KEYS_DIR"), DevelopmentKeys.layer))

const Orders = OrderService.pipe(
  Layer.provide(OrderStorePostgres),
  Layer.provide(databaseConfig(databaseUrl, "order-service"))
)

const Identity = IdentityService.pipe(mounted("/api/identity", "identity-service"))

const routes = Layer.merge(Orders, Identity).pipe(
  Layer.provide(Guards),
  Layer.provide(DevelopmentTokenKeys),
  Layer.provide([Keys, PooledRandom])
)

runProcess(httpProgram("order-service", routes))
