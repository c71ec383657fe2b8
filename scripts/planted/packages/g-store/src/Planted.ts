import { Orders } from "@g-store/order-service/application/Orders.ts"
import { Accounts } from "../../payment-service/src/application/Accounts.ts" // refused: no-restricted-imports

export const used = [Orders, Accounts]
