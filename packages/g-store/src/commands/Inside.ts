import * as PgClient from "@effect/sql-pg/PgClient"
import { currentVersion } from "@g-store/service-kit/Migrations.ts"
import { Effect, Layer, Redacted, Schema } from "effect"
import { connectedTo } from "../ConnectedTo.ts"
import { anyDatabases, madeDatabases, type Urls } from "../Databases.ts"
import { type DatabaseName, databaseNames, databaseVariables } from "../StoreConfig.ts"

/** A service's database does not answer, or refuses us. */
class DatabaseUnreachable extends Schema.TaggedError<DatabaseUnreachable>()("DatabaseUnreachable", {
  database: Schema.String,
  /** Host, port and name; never the password. */
  where: Schema.String,
  variable: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the ${this.database} database at ${this.where} cannot be reached: see that it runs and that ${this.variable} is right`
  }
}

/** The database is there, but no g-store has been in it. */
class NoStoreThere extends Schema.TaggedError<NoStoreThere>()("NoStoreThere", {
  database: Schema.String,
  variable: Schema.String
}) {
  override get message(): string {
    return `the ${this.database} database has no tables of a g-store: see that GSTORE_DATA_DIR or ${this.variable} names the ` +
      "right one; `gstore migrate` or a start of the store creates them"
  }
}

/**
 * A few connections to each service's database, for a tool's lifetime. `inside(name, question)` answers a question
 * there. A stopped embedded store's PostgreSQL runs meanwhile.
 */
const connected = Effect.fnUntraced(function*(urls: Urls) {
  const client = Effect.fnUntraced(
    function*(name: DatabaseName) {
      const context = yield* Layer.build(
        Layer.fresh(PgClient.layer({ url: urls[name], applicationName: "gstore", maxConnections: 2 }))
      )
      // The client connects when it is first asked.
      yield* Effect.provide(Effect.flatMap(PgClient.PgClient, (sql) => sql`SELECT 1`), context)
      return context
    },
    (connecting, name) => {
      const { host, pathname } = new URL(Redacted.value(urls[name]))
      return Effect.mapError(connecting, (cause) =>
        new DatabaseUnreachable({
          database: name,
          where: `${host}${pathname}`,
          variable: databaseVariables[name],
          cause
        }))
    }
  )
  return yield* connectedTo(client)
})

/** The same for what makes a store where there is none. */
export const makeConnected = Effect.flatMap(madeDatabases, connected)

/** The same for what needs a store there, not only a database. */
export const makeInside = Effect.gen(function*() {
  const inside = yield* connected(yield* anyDatabases)
  for (const database of databaseNames) {
    if ((yield* inside(database, currentVersion)) > 0) continue
    return yield* new NoStoreThere({ database, variable: databaseVariables[database] })
  }
  return inside
})
