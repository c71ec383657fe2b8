import { StoreClient } from "@g-store/client/StoreClient.ts"
import { OrdersApi } from "@g-store/contracts/OrdersApi.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts" // refused: no-restricted-imports
import { readFileSync } from "node:fs" // refused: no-restricted-imports

export const used = [StoreClient, OrdersApi, Orders, readFileSync]
