import { OrderId } from "@g-store/contracts/Ids.ts"
import { DateTime, Result, Schema } from "effect"
import { First } from "./CycleFirst.ts"
import { Effect } from "effect" // refused: no-restricted-imports
import { Clock, Random } from "effect" // refused: no-restricted-imports // refused: no-restricted-imports
import { SqlClient } from "effect/sql" // refused: no-restricted-imports
import { HttpApi } from "effect/http-api" // refused: no-restricted-imports
import { PgClient } from "@effect/sql-pg/PgClient" // refused: no-restricted-imports
import { Outbox } from "@g-store/messaging/Outbox.ts" // refused: no-restricted-imports
import { randomUUID } from "node:crypto" // refused: no-restricted-imports
import { jwtVerify } from "jose" // refused: no-restricted-imports
import { Orders } from "../application/Orders.ts" // refused: no-restricted-imports
import { http } from "../adapters/http.ts" // refused: no-restricted-imports

export const used = [OrderId, DateTime, Result, Schema, First, Effect, Clock, Random, SqlClient, HttpApi, PgClient, Outbox, randomUUID, jwtVerify, Orders, http]
