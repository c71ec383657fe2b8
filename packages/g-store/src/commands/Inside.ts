import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { anyDatabases } from "../Databases.ts"
import type { DatabaseName } from "../StoreConfig.ts"

/**
 * A few connections to each service's database, for a tool's lifetime. `inside(name, question)` answers a question
 * there. A stopped embedded store's PostgreSQL runs meanwhile.
 */
export const makeInside = Effect.gen(function*() {
  const urls = yield* anyDatabases
  const client = (name: DatabaseName) =>
    Layer.build(Layer.fresh(PgClient.layer({ url: urls[name], applicationName: "gstore", maxConnections: 2 })))
  const contexts = {
    orders: yield* client("orders"),
    payments: yield* client("payments"),
    notifications: yield* client("notifications")
  }
  return <A, E>(name: DatabaseName, question: Effect.Effect<A, E, PgClient.PgClient | SqlClient.SqlClient>) =>
    Effect.provide(question, contexts[name])
})
