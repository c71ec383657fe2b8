import { PgClient } from "@effect/sql-pg/PgClient"
import { OrderRow } from "./OrderRow.ts"
import { Orders } from "../application/Orders.ts"
import { OrderRepositoryMemory } from "./OrderRepositoryMemory.ts" // refused: no-restricted-imports
import { http } from "./http.ts" // refused: no-restricted-imports
import { main } from "../main.ts" // refused: no-restricted-imports
import { Accounts } from "@g-store/payment-service/application/Accounts.ts" // refused: no-restricted-imports

export const used = [PgClient, OrderRow, Orders, OrderRepositoryMemory, http, main, Accounts]
