import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import { runProcess } from "@g-store/service-kit/Main.ts"
import { serviceProgram } from "@g-store/service-kit/ServiceProgram.ts"
import { Layer } from "effect"
import { PaymentService, PaymentWorkers } from "./PaymentService.ts"
import { PaymentStorePostgres } from "./PaymentStorePostgres.ts"

const layer = Layer.mergeAll(PaymentService, PaymentWorkers, OutboxRelay.layer({ service: "payment-service" })).pipe(
  Layer.provide(PaymentStorePostgres)
)

runProcess(serviceProgram("payment-service", { database: "payments", layer }))
