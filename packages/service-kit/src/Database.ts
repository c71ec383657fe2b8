import * as PgClient from "@effect/sql-pg/PgClient"
import { type Config, Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { LiftSilence, watchedSockets } from "./DatabaseSocket.ts"

/** How a service uses its database. */
export interface DatabaseOptions {
  /** `postgres://user:password@host:5432/database`. */
  readonly url: Redacted.Redacted
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  /** Connections at most; statements of many requests share one (pipelining), a transaction has its own. 10 if absent. */
  readonly maxConnections?: number | undefined
  /** How long the server may say nothing until a connection is taken for broken; 12 s if absent. */
  readonly silence?: Duration.Duration | undefined
}

const where = (url: Redacted.Redacted): string => {
  const { host, pathname } = new URL(Redacted.value(url))
  return `${host}${pathname}`
}

/** Ready when the database answers: a service that starts before its database says so and waits. */
const awaitDatabase = (url: Redacted.Redacted) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`SELECT 1`.pipe(
      Effect.timeout("5 seconds"),
      Effect.tapError((error) => Effect.logWarning(`waiting for the database ${where(url)}: ${error.message}`)),
      Effect.retry(Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")])),
      Effect.orDie
    )
  }).pipe(Effect.annotateLogs({ module: "database" }))

/**
 * The pool of one service. Statement, lock and idle-in-transaction timeouts keep a stuck request from holding locks, and
 * a connection that fell silent is given up after those; migrations lift all of that. SQL stays explicit: no name
 * transforms.
 */
export const database = (
  { applicationName, maxConnections, silence, url }: DatabaseOptions
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient> => {
  const sockets = watchedSockets(new URL(Redacted.value(url)), silence)
  const client = PgClient.layer({
    url,
    stream: sockets.open,
    applicationName,
    maxConnections: maxConnections ?? 10,
    connectTimeout: Duration.seconds(5),
    multiplex: true,
    startupParameters: {
      statement_timeout: "10s",
      lock_timeout: "8s",
      idle_in_transaction_session_timeout: "15s"
    }
  }).pipe(Layer.orDie)
  return Layer.effectDiscard(awaitDatabase(url)).pipe(
    Layer.provideMerge(client),
    Layer.merge(Layer.succeed(LiftSilence, sockets.lift))
  )
}

/** The same from a Config, for main.ts: `databaseConfig(ServiceConfig.databaseUrl, "order-service")`. */
export const databaseConfig = (url: Config.Config<Redacted.Redacted>, applicationName: string) =>
  Layer.unwrap(Effect.map(url, (value) => database({ url: value, applicationName })))
