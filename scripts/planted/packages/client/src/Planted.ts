import { OrdersApi } from "@g-store/contracts/OrdersApi.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts" // refused: no-restricted-imports
import { Outbox } from "@g-store/messaging/Outbox.ts" // refused: no-restricted-imports
import { NodeSocket } from "@effect/platform-node/NodeSocket" // refused: no-restricted-imports
import { readFileSync } from "node:fs" // refused: no-restricted-imports

export const used = [OrdersApi, Orders, Outbox, NodeSocket, readFileSync]
