import { Schema } from "effect"
import { HttpApi } from "effect/http-api"
import { create } from "@bufbuild/protobuf" // refused: no-restricted-imports
import { PgClient } from "@effect/sql-pg/PgClient" // refused: no-restricted-imports
import { Outbox } from "@g-store/messaging/Outbox.ts" // refused: no-restricted-imports
import { Kafka } from "kafkajs" // refused: no-restricted-imports
import { readFileSync } from "node:fs" // refused: no-restricted-imports
import { Inbox } from "../../messaging/src/Inbox.ts" // refused: no-restricted-imports
import { effectful } from "effectful" // refused: no-restricted-imports
export { Orders } from "@g-store/order-service/application/Orders.ts" // refused: no-restricted-imports

export const used: Array<any> = [Schema, HttpApi, create, PgClient, Outbox, Kafka, readFileSync, Inbox, effectful] // refused: no-explicit-any
console.log(used) // refused: no-console
