import { EventBusKafka } from "@g-store/messaging/kafka/EventBusKafka.ts"
import { kafkaConfig } from "@g-store/messaging/kafka/KafkaOptions.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { Effect, Layer } from "effect"
import { adminServer } from "./AdminServer.ts"
import { databaseConfig } from "./Database.ts"
import { Guards } from "./Guards.ts"
import { databaseHealth, Health, messagingHealth, readyWhile } from "./Health.ts"
import { httpServer, serve } from "./HttpServer.ts"
import { logging } from "./Logging.ts"
import { PooledRandom } from "./PooledRandom.ts"
import { adminPort, authJwksUrlIfTokensCount, databaseUrl, host, httpPort, serviceSettings } from "./ServiceConfig.ts"
import { TokenKeys } from "./TokenKeys.ts"
import { tracing } from "./Tracing.ts"
import { checked } from "./Variable.ts"

/** `routes` on HTTP_PORT, health and metrics on ADMIN_PORT; ready while it serves. */
const serving = <A, E, R>(routes: Layer.Layer<A, E, R>) =>
  Layer.unwrap(Effect.gen(function*() {
    const address = yield* host
    const Http = serve(routes).pipe(
      Layer.provide(httpServer({ host: address, port: yield* httpPort, variable: "HTTP_PORT" }))
    )
    const Admin = adminServer({ host: address, port: yield* adminPort, variable: "ADMIN_PORT" })
    return readyWhile(Http).pipe(Layer.provide(Admin))
  })).pipe(Layer.provide(Health.layer))

/** Outermost of a process, so that everything in it logs and traces as `service`. */
const observed = (service: string) => <A, E, R>(process: Layer.Layer<A, E, R>) =>
  process.pipe(Layer.provide(logging(service)), Layer.provide(tracing(service)))

/** A process that only answers HTTP, for `runProcess`. */
export const httpProgram = <A, E, R>(service: string, routes: Layer.Layer<A, E, R>) =>
  serving(routes).pipe(observed(service))

/** What is told apart between the services of the store. */
export interface ServiceOptions<A, E, R> {
  /** What the service serves and does by itself, on its database. */
  readonly layer: Layer.Layer<A, E, R>
  /** The database's name in readiness. */
  readonly database: string
}

/**
 * A service of the store as a process of its own, for `runProcess`: HTTP behind the guards, Kafka, and PostgreSQL from
 * DATABASE_URL.
 */
export const serviceProgram = <A, E, R>(service: string, { database, layer }: ServiceOptions<A, E, R>) =>
  serving(
    Layer.mergeAll(layer, databaseHealth(database), messagingHealth).pipe(
      Layer.provide(databaseConfig(databaseUrl, service))
    )
  ).pipe(
    Layer.provide(Layer.provide(Guards, TokenKeys.layerConfig)),
    Layer.provide(EventBusKafka.layer),
    Layer.provide([MessagingHealth.layer, PooledRandom]),
    Layer.provide(
      Layer.effectDiscard(checked([...serviceSettings, httpPort, authJwksUrlIfTokensCount, databaseUrl, kafkaConfig]))
    ),
    observed(service)
  )
