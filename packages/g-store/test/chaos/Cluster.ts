import * as PgClient from "@effect/sql-pg/PgClient"
import { ownKafka } from "@g-store/local-kafka/LocalKafka.ts"
import { ownServer } from "@g-store/postgres/TestPostgres.ts"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { run } from "../kills/StoreProcess.ts"
import { type Replica, replica, type ServiceName } from "./Replica.ts"
import { roundRobin } from "./RoundRobin.ts"

const databases = {
  orders: "order-service",
  payments: "payment-service",
  notifications: "order-notification-service"
} as const
const names = ["orders", "payments", "notifications"] as const

/**
 * The store as in production, without containers: Kafka, PostgreSQL with a database per service, `replicas` processes
 * of each service and a gateway that shares requests among them. Everything goes with the scope.
 */
export const cluster = Effect.fnUntraced(function*(replicas: number) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => fs.mkdtemp(path.join(tmpdir(), "g-store-chaos-"))),
    (made) => Effect.promise(() => fs.rm(made, { recursive: true, force: true }))
  )
  const kafka = yield* ownKafka
  const postgres = yield* ownServer
  yield* PgClient.makeClient({ url: postgres.url, applicationName: "g-store chaos" }).pipe(
    Effect.flatMap((sql) => Effect.forEach(names, (name) => sql`CREATE DATABASE ${sql(name)}`)),
    Effect.scoped,
    Effect.provide(Reactivity.layer)
  )
  const urlOf = (name: string) => {
    const url = new URL(Redacted.value(postgres.url))
    url.pathname = `/${name}`
    return url.href
  }

  const identityDir = path.join(folder, "identity")
  const common = {
    KAFKA_BROKERS: kafka.brokers.join(","),
    LOG_LEVEL: "warn",
    // One machine sends everything here.
    RATE_LIMIT: "off"
  }
  const identity = yield* replica("identity-service", 1, { ...common, IDENTITY_DATA_DIR: identityDir })
  const jwks = `http://127.0.0.1:${identity.port}/.well-known/jwks.json`
  const set = (service: ServiceName, database: string) =>
    Effect.forEach(
      Array.from({ length: replicas }, (_, nth) => nth + 1),
      (nth) => replica(service, nth, { ...common, DATABASE_URL: urlOf(database), AUTH_JWKS_URL: jwks })
    )
  const sets = {
    orders: yield* set(databases.orders, "orders"),
    payments: yield* set(databases.payments, "payments"),
    notifications: yield* set(databases.notifications, "notifications")
  }
  const services: ReadonlyArray<Replica> = [...sets.orders, ...sets.payments, ...sets.notifications]
  // Two at a time: all at once they would only wait for each other's processors.
  yield* Effect.forEach([identity, ...services], ({ start }) => start, { concurrency: 2, discard: true })

  const url = yield* roundRobin({
    identity: [identity.port],
    orders: sets.orders.map(({ port }) => port),
    payments: sets.payments.map(({ port }) => port),
    notifications: sets.notifications.map(({ port }) => port)
  })
  const journal = path.join(folder, "journal.jsonl")
  const tools = {
    ...common,
    GSTORE_DATA_DIR: folder,
    GATEWAY_URL: url,
    ORDERS_DATABASE_URL: urlOf("orders"),
    PAYMENTS_DATABASE_URL: urlOf("payments"),
    NOTIFICATIONS_DATABASE_URL: urlOf("notifications")
  }
  return {
    kafka,
    postgres,
    services,
    url,
    urlOf,
    /** Load at a rate (orders a second) for a number of seconds; journals what was acknowledged. */
    demo: (rate: number, seconds: number) =>
      run(
        ["demo", "--orders", String(Math.round(rate * seconds)), "--rate", String(rate), "--patience", "120"]
          .concat("--journal", journal),
        tools
      ),
    audit: run(["audit", "--journal", journal], tools)
  }
})

export type Cluster = Effect.Success<ReturnType<typeof cluster>>
