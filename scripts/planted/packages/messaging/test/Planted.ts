import { TestPostgres } from "@g-store/postgres/TestPostgres.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts" // refused: no-restricted-imports
import { Orders as Near } from "../../order-service/src/application/Orders.ts" // refused: no-restricted-imports

export const used = [TestPostgres, Orders, Near]
