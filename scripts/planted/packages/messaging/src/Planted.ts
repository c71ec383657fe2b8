import { PgClient } from "@effect/sql-pg/PgClient"
import { Kafka } from "kafkajs"
import { OrderId } from "@g-store/contracts/Ids.ts" // refused: no-restricted-imports
import { Orders } from "@g-store/order-service/application/Orders.ts" // refused: no-restricted-imports
import { Config } from "@g-store/service-kit/Config.ts" // refused: no-restricted-imports
import { NodeServices } from "@effect/platform-node" // refused: no-restricted-imports

export const used = [PgClient, Kafka, OrderId, Orders, Config, NodeServices]
