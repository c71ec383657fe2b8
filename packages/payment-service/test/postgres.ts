import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { Effect, Layer, References, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { PaymentStorePostgres } from "../src/PaymentStorePostgres.ts"
import { Waiting } from "./books.ts"

const waiting = Layer.effect(
  Waiting,
  Effect.map(
    SqlClient.SqlClient,
    (sql) =>
      sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.pipe(
        Effect.repeat({ until: (backends) => backends.length > 0, schedule: Schedule.spaced("5 millis") }),
        Effect.orDie,
        Effect.asVoid
      )
  )
)

/** The store on a database of its own. */
export const PaymentStoreTest = Layer.merge(PaymentStorePostgres, waiting).pipe(
  Layer.provideMerge(TestDatabase),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn"))
)
