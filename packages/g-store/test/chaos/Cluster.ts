import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Record, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import * as path from "node:path"
import { run } from "../kills/StoreProcess.ts"
import { scratchFolder } from "../scratchFolder.ts"
import type { Ground } from "./Ground.ts"
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
 * of each service and a gateway that shares requests among them. Everything goes with the scope, but the logs that the
 * processes write where `logs` names a folder for them.
 */
export const cluster = Effect.fnUntraced(function*(
  replicas: number,
  { kafka, postgres, url: server }: Ground,
  logs?: string
) {
  const folder = yield* scratchFolder("chaos")
  yield* PgClient.makeClient({ url: postgres.url, applicationName: "g-store chaos" }).pipe(
    Effect.flatMap((sql) => Effect.forEach(names, (name) => sql`CREATE DATABASE ${sql(name)}`)),
    Effect.scoped,
    Effect.provide(Reactivity.layer)
  )
  const databaseAt = (base: string | URL, name: string) => {
    const url = new URL(base)
    url.pathname = `/${name}`
    return url.href
  }
  const urlOf = (name: string) => databaseAt(server, name)
  // Tools do not pass the network that is broken.
  const direct = (name: string) => databaseAt(Redacted.value(postgres.url), name)

  const identityDir = path.join(folder, "identity")
  const common = {
    KAFKA_BROKERS: kafka.brokers.join(","),
    LOG_LEVEL: "warn",
    // Who reads which partition, and when a relay publishes again, tells where messages wait.
    LOG_FILTER: "messaging=info",
    // One machine sends everything here.
    RATE_LIMIT: "off"
  }
  const identity = yield* replica("identity-service", 1, { ...common, IDENTITY_DATA_DIR: identityDir }, logs)
  const jwks = `http://127.0.0.1:${identity.port}/.well-known/jwks.json`
  const set = (service: ServiceName, database: string) =>
    Effect.forEach(
      Array.from({ length: replicas }, (_, nth) => nth + 1),
      (nth) => replica(service, nth, { ...common, DATABASE_URL: urlOf(database), AUTH_JWKS_URL: jwks }, logs)
    )
  const sets = {
    orders: yield* set(databases.orders, "orders"),
    payments: yield* set(databases.payments, "payments"),
    notifications: yield* set(databases.notifications, "notifications")
  }
  const services: ReadonlyArray<Replica> = [...sets.orders, ...sets.payments, ...sets.notifications]
  // Two at a time: all at once they would only wait for each other's processors.
  yield* Effect.forEach([identity, ...services], ({ start }) => start, { concurrency: 2, discard: true })

  const upstreams = {
    identity: [identity.port],
    orders: sets.orders.map(({ port }) => port),
    payments: sets.payments.map(({ port }) => port),
    notifications: sets.notifications.map(({ port }) => port)
  }
  const url = yield* roundRobin(upstreams)
  const journal = path.join(folder, "journal.jsonl")
  const tools = {
    ...common,
    GSTORE_DATA_DIR: folder,
    GATEWAY_URL: url,
    ORDERS_DATABASE_URL: direct("orders"),
    PAYMENTS_DATABASE_URL: direct("payments"),
    NOTIFICATIONS_DATABASE_URL: direct("notifications")
  }
  return {
    kafka,
    postgres,
    services,
    identity,
    url,
    /** Another gateway, that knows of every replica but one. */
    gatewayPast: (left: Replica) =>
      roundRobin(Record.map(upstreams, (ports) => ports.filter((port) => port !== left.port))),
    /** Another gateway, that keeps its connections to the replicas. */
    keepAliveGateway: roundRobin(upstreams, true),
    urlOf,
    /** The same database, past every proxy. */
    direct,
    /** So many orders at a rate (a second), through this gateway; journals what was acknowledged. */
    demo: (rate: number, orders: number, gateway = url) =>
      run(
        ["demo", "--orders", String(Math.round(orders)), "--rate", String(rate), "--patience", "120"]
          .concat("--journal", journal, "--url", gateway),
        tools
      ),
    audit: run(["audit", "--journal", journal], tools),
    /** Any other command of the operator's. */
    gstore: (...args: ReadonlyArray<string>) => run(args, tools)
  }
})

export type Cluster = Effect.Success<ReturnType<typeof cluster>>
