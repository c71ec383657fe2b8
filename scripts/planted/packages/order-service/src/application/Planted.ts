import { Order } from "../domain/Order.ts"
import { OrderId } from "@g-store/contracts/Ids.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql" // refused: no-restricted-imports
import { HttpClient } from "effect/http" // refused: no-restricted-imports
import { HttpApi } from "effect/http-api" // refused: no-restricted-imports
import { PgClient } from "@effect/sql-pg/PgClient" // refused: no-restricted-imports
import { EventBusKafka } from "@g-store/messaging/EventBusKafka.ts" // refused: no-restricted-imports
import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts" // refused: no-restricted-imports
import { OrderRepositoryPostgres } from "../adapters/OrderRepositoryPostgres.ts" // refused: no-restricted-imports
import { readFile } from "node:fs/promises" // refused: no-restricted-imports
import { Kafka } from "kafkajs" // refused: no-restricted-imports
import { Accounts } from "@g-store/payment-service/application/Accounts.ts" // refused: no-restricted-imports

export const used = [Order, OrderId, Outbox, Effect, SecureRandom, SqlClient, HttpClient, HttpApi, PgClient, EventBusKafka, OutboxRelay, OrderRepositoryPostgres, readFile, Kafka, Accounts]
