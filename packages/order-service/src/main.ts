import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { serviceProgram } from "@g-store/service-kit/ServiceProgram.ts"
import { Layer } from "effect"
import { OrderService, OrderWorkers } from "./OrderService.ts"
import { OrderStorePostgres } from "./OrderStorePostgres.ts"

const layer = Layer.mergeAll(OrderService, OrderWorkers, OutboxRelay.layer({ service: "order-service" })).pipe(
  Layer.provide(OrderStorePostgres)
)

runProcess(serviceProgram("order-service", { database: "orders", layer }))
