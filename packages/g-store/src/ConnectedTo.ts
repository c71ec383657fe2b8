import type * as PgClient from "@effect/sql-pg/PgClient"
import { type Context, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { DatabaseName } from "./StoreConfig.ts"

type Client = PgClient.PgClient | SqlClient.SqlClient

/** A client for each service's database, made in turn; what comes of it answers a question in the one that it names. */
export const connectedTo = Effect.fnUntraced(function*<E, R>(
  client: (name: DatabaseName) => Effect.Effect<Context.Context<Client>, E, R>
) {
  const contexts = {
    orders: yield* client("orders"),
    payments: yield* client("payments"),
    notifications: yield* client("notifications")
  }
  return <A, F>(name: DatabaseName, question: Effect.Effect<A, F, Client>) => Effect.provide(question, contexts[name])
})
