import * as NodeServices from "@effect/platform-node/NodeServices"
import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { DevelopmentKeys, DevelopmentTokenKeys } from "@g-store/identity-service/DevelopmentKeys.ts"
import { IdentityService } from "@g-store/identity-service/IdentityService.ts"
import { EventBusKafka } from "@g-store/messaging/kafka/EventBusKafka.ts"
import { EventBusMemory } from "@g-store/messaging/memory/EventBusMemory.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import { LiveTail } from "@g-store/order-notification-service/LiveTail.ts"
import { NotificationService, NotificationWorkers } from "@g-store/order-notification-service/NotificationService.ts"
import { NotificationStorePostgres } from "@g-store/order-notification-service/NotificationStorePostgres.ts"
import { OrderSocket } from "@g-store/order-notification-service/websocket.ts"
import { OrderService, OrderWorkers } from "@g-store/order-service/OrderService.ts"
import { OrderStorePostgres } from "@g-store/order-service/OrderStorePostgres.ts"
import { PaymentService, PaymentWorkers } from "@g-store/payment-service/PaymentService.ts"
import { PaymentStorePostgres } from "@g-store/payment-service/PaymentStorePostgres.ts"
import { adminServer } from "@g-store/service-kit/AdminServer.ts"
import { UserIdDeleted } from "@g-store/service-kit/Callers.ts"
import { corsOrigins } from "@g-store/service-kit/CorsOrigins.ts"
import { database } from "@g-store/service-kit/Database.ts"
import { Guards } from "@g-store/service-kit/Guards.ts"
import { databaseHealth, Health, messagingHealth, readyWhile } from "@g-store/service-kit/Health.ts"
import { hostInUrl } from "@g-store/service-kit/HostInUrl.ts"
import { httpServer, serve } from "@g-store/service-kit/HttpServer.ts"
import { PooledRandom } from "@g-store/service-kit/PooledRandom.ts"
import {
  authJwksUrlIfTokensCount,
  currency,
  environment,
  optionalAuthJwksUrl,
  optionalDatabaseUrlIn,
  serviceSettings
} from "@g-store/service-kit/ServiceConfig.ts"
import { TokenKeys } from "@g-store/service-kit/TokenKeys.ts"
import { checked } from "@g-store/service-kit/Variable.ts"
import { Config, Console, Effect, Layer, Option, type Redacted } from "effect"
import { join } from "node:path"
import { Auditor } from "./audit/Auditor.ts"
import { ownDatabases, OwnFolder } from "./Databases.ts"
import { cors, corsOfShed, mounted, passUserId, withoutUserId } from "./Gateway.ts"
import { addresses, audited, type DatabaseName, databaseVariables, dataDir, onKafka } from "./StoreConfig.ts"
import { warnings } from "./Warnings.ts"
import { Web } from "./Web.ts"

/** The groups that a publish waits for on the in-process bus: what they have not committed is still in an outbox. */
const durableGroups = [
  { group: "g-store.payment-service", topics: [ORDER_EVENTS] },
  { group: "g-store.order-service", topics: [PAYMENT_EVENTS] },
  { group: "g-store.order-notification-service", topics: [ORDER_EVENTS] }
]

/** Kafka where KAFKA_BROKERS names one, else a bus inside this process. */
const Bus = Layer.unwrap(
  Effect.map(onKafka, (kafka) => kafka ? EventBusKafka.layer : EventBusMemory.layer({ groups: durableGroups }))
)

/** How a service stands in this process: where its database is, and whether another process may share it. */
interface Place {
  readonly url: Redacted.Redacted
  readonly embedded: boolean
}

// Each service has a memo map of its own (`fresh`): the same adapters, another database.
const orders = ({ embedded, url }: Place) =>
  Layer.mergeAll(
    OrderService.pipe(mounted("/api/orders", "order-service")),
    OrderWorkers,
    OutboxRelay.layer({ service: "order-service", leases: embedded ? "exclusive" : "shared" }),
    databaseHealth("orders")
  ).pipe(
    Layer.provide(OrderStorePostgres),
    Layer.provide(database({ url, applicationName: "order-service" })),
    Layer.fresh
  )

const payments = ({ embedded, url }: Place) =>
  Layer.mergeAll(
    PaymentService.pipe(mounted("/api/payments", "payment-service")),
    PaymentWorkers,
    OutboxRelay.layer({ service: "payment-service", leases: embedded ? "exclusive" : "shared" }),
    databaseHealth("payments")
  ).pipe(
    Layer.provide(PaymentStorePostgres),
    Layer.provide(database({ url, applicationName: "payment-service" })),
    Layer.fresh
  )

const notifications = ({ url }: Place) =>
  Layer.mergeAll(
    NotificationService.pipe(mounted("/api/notifications", "order-notification-service")),
    Layer.unwrap(Effect.map(passUserId, (pass) => OrderSocket({ passUserId: pass }))),
    NotificationWorkers("g-store.order-notification-service"),
    databaseHealth("notifications")
  ).pipe(
    Layer.provide(LiveTail.layer),
    Layer.provide(NotificationStorePostgres),
    Layer.provide(database({ url, applicationName: "order-notification-service" })),
    Layer.fresh
  )

/** The keys of our own identity provider, in the data folder: one value, so that issuing and verifying share them. */
const OwnKeys = Layer.unwrap(Effect.map(dataDir, (folder) => DevelopmentKeys.layer(join(folder, "identity"))))

/** Tokens come from the provider of AUTH_JWKS_URL, else (never in production) from one of our own. */
const issuedElsewhere = Effect.gen(function*() {
  const url = yield* optionalAuthJwksUrl
  return Option.isSome(url) || (yield* environment) === "production"
})

const TokenSource = Layer.unwrap(
  Effect.map(
    issuedElsewhere,
    (elsewhere) => elsewhere ? TokenKeys.layerConfig : Layer.provide(DevelopmentTokenKeys, OwnKeys)
  )
)

const Identity = Layer.unwrap(Effect.map(issuedElsewhere, (elsewhere) =>
  elsewhere
    ? Layer.empty
    : IdentityService.pipe(mounted("/api/identity", "identity-service"), Layer.provide(OwnKeys))))

const Services = Layer.unwrap(Effect.gen(function*() {
  const { embedded, urls } = yield* ownDatabases
  const place = (name: DatabaseName): Place => ({ url: urls[name], embedded: embedded.includes(name) })
  const services = Layer.mergeAll(
    orders(place("orders")),
    payments(place("payments")),
    notifications(place("notifications")),
    messagingHealth
  )
  // After the services, whose schemas it reads.
  return (yield* audited) ? Auditor(urls).pipe(Layer.provideMerge(services)) : services
}))

const Gateway = Layer.unwrap(
  Effect.map(
    Config.all([addresses, corsOrigins]),
    ([{ gatewayPort, host }, origins]) =>
      serve(Layer.mergeAll(Services, Identity, cors, withoutUserId), { headersOfShed: corsOfShed(origins) }).pipe(
        Layer.provide(httpServer({ host, port: gatewayPort, variable: "GATEWAY_PORT" }))
      )
  )
)

const Admin = Layer.unwrap(
  Effect.map(addresses, ({ adminPort, host }) => adminServer({ host, port: adminPort, variable: "ADMIN_PORT" }))
)

/** What people reach: ready once all of it is there. */
const Serving = readyWhile(Layer.merge(Gateway, Web))

const Warnings = Layer.effectDiscard(Effect.gen(function*() {
  for (const line of yield* warnings(!(yield* issuedElsewhere))) yield* Effect.logWarning(line)
}))

/** Log lines leave at the end of a turn of the event loop: what was logged so far is out after the next one. */
const logged = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** The one line that says that everything is up, and where; last of what a start prints. */
const Announcement = Layer.effectDiscard(Effect.gen(function*() {
  const { adminPort, gatewayPort, webPort, ...where } = yield* addresses
  const host = hostInUrl(where.host)
  const gateway = `http://${host}:${gatewayPort}`
  const services = ["orders", "payments", "notifications", ...((yield* issuedElsewhere) ? [] : ["identity"])]
  const pages = services.map((name) => `${gateway}/api/${name}/swagger/index.html`).join(" ")
  yield* logged
  yield* Console.log(
    `g-store is ready: gateway ${gateway} | frontend http://${host}:${webPort} | API pages ${pages} | admin http://${host}:${adminPort}`
  )
}))

const OwnGateway = Layer.effect(UserIdDeleted, Effect.map(passUserId, (pass) => !pass))

/** In production tokens must come from elsewhere. */
const authJwksUrl = Config.flatMap(
  environment,
  (env) => env === "production" ? authJwksUrlIfTokensCount : optionalAuthJwksUrl
)

/** Everything that the environment says, looked at before anything is begun. */
const Settings = Layer.effectDiscard(checked([
  ...serviceSettings,
  authJwksUrl,
  ...Object.values(databaseVariables).map(optionalDatabaseUrlIn),
  addresses,
  onKafka,
  passUserId,
  corsOrigins,
  currency,
  audited
]))

/** The whole store in one process. */
export const AllInOne = Announcement.pipe(
  Layer.provide(Serving),
  Layer.merge(Warnings),
  Layer.provide(Admin),
  Layer.provide(Layer.provide(Guards, OwnGateway)),
  Layer.provide(TokenSource),
  Layer.provide([Bus, Health.layer]),
  Layer.provide([MessagingHealth.layer, PooledRandom, NodeServices.layer]),
  Layer.provide(OwnFolder),
  Layer.provide(Settings)
)
