import * as PgClient from "@effect/sql-pg/PgClient"
import { Config, ConfigProvider, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { Reactivity } from "effect/reactivity"
import type { SqlClient, SqlError } from "effect/sql"
import { withRealClock } from "./RealClock.ts"

export { type OwnServer, ownServer } from "./OwnServer.ts"

/** No server to make test databases on, or it refuses. */
export class TestDatabaseUnavailable extends Schema.TaggedError<TestDatabaseUnavailable>()("TestDatabaseUnavailable", {
  message: Schema.String
}) {}

/**
 * The URL of a superuser on the server that makes the test databases: the run's own one, started by vitest.ts before
 * the tests, or the one named from outside. Read from the process itself, since tests replace the ConfigProvider.
 */
const serverUrl = Config.Redacted("TEST_DATABASE_URL").parse(ConfigProvider.fromEnv()).pipe(
  Effect.mapError(() =>
    new TestDatabaseUnavailable({
      message: "TEST_DATABASE_URL is not set: run the tests with `vitest run --config vitest.workspace.ts`, which " +
        "starts a server for them, or set it to the URL of a superuser on a PostgreSQL server."
    })
  )
)

/**
 * A fresh, empty database for the one who builds their own clients; dropped, with every connection to it, when the
 * scope ends.
 */
export const testDatabaseUrl: Effect.Effect<Redacted.Redacted, TestDatabaseUnavailable, Scope.Scope> = Effect.gen(
  function*() {
    const server = yield* serverUrl
    const bytes = yield* Effect.flatMap(SecureRandom.SecureRandom, (random) => random.randomBytes(8)).pipe(
      Effect.provide(SecureRandom.layerWebCrypto)
    )
    const name = `test_${Buffer.from(bytes).toString("hex")}`
    yield* Effect.acquireRelease(
      // Copying files is the faster strategy (12 ms in memory, 55 ms on a disk), and nobody writes to template0.
      onServer(server, (sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE template0 STRATEGY file_copy`),
      () =>
        onServer(server, (sql) => sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`).pipe(
          // A test that stopped its server has nothing left to drop.
          Effect.catch((error) => Effect.logWarning(error.message))
        )
    )
    const url = new URL(Redacted.value(server))
    url.pathname = `/${name}`
    return Redacted.make(url.href)
  }
).pipe(withRealClock)

const onServer = (
  url: Redacted.Redacted,
  statement: (sql: PgClient.PgClient) => Effect.Effect<unknown, SqlError.SqlError>
) =>
  PgClient.makeClient({ url, applicationName: "g-store tests" }).pipe(
    Effect.flatMap(statement),
    Effect.scoped,
    Effect.provide(Reactivity.layer),
    Effect.mapError((cause) =>
      new TestDatabaseUnavailable({ message: `The server of TEST_DATABASE_URL cannot be used: ${cause.message}` })
    ),
    withRealClock
  )

/** A client on a fresh, empty database: another one each time that the layer is built. */
export const TestDatabase: Layer.Layer<
  PgClient.PgClient | SqlClient.SqlClient,
  TestDatabaseUnavailable | SqlError.SqlError
> = Layer.unwrap(
  Effect.map(testDatabaseUrl, (url) => PgClient.layer({ url, maxConnections: 10, multiplex: false }))
)
