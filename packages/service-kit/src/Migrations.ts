import { orUnavailable } from "@g-store/messaging/postgres/Postgres.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { type Config, Effect, Layer, Schedule } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { LiftSilence } from "./DatabaseSocket.ts"
import { environment } from "./ServiceConfig.ts"

/** Numbered steps, `"0001_orders"` and on: each an Effect over SqlClient, all pending ones applied in one transaction. */
export type MigrationRecord = Readonly<Record<string, Effect.Effect<unknown, unknown, SqlClient.SqlClient>>>

const numberOf = (name: string): number => Number(/^(\d+)_/.exec(name)?.[1] ?? Number.NaN)

/** What is wrong with a record's numbers, if anything: a late lower number would be skipped without a word. */
export const numberingFault = (record: MigrationRecord): string | undefined => {
  const names = Object.keys(record)
  const at = names.findIndex((name, index) => numberOf(name) !== index + 1)
  return at === -1
    ? undefined
    : `migration "${names[at]}" must have the number ${at + 1}: numbers begin at 1, grow by one and stand in order`
}

/** The number that the schema has once every step is applied. */
export const schemaVersion = (record: MigrationRecord): number => Object.keys(record).length

const run = Migrator.make({})

/**
 * Applies what is pending, under an advisory lock: of many starters one works, the others wait and find nothing left.
 * Gives back what was applied.
 */
export const migrate = (record: MigrationRecord): Effect.Effect<
  ReadonlyArray<readonly [id: number, name: string]>,
  Migrator.MigrationError | SqlError,
  SqlClient.SqlClient
> =>
  Effect.gen(function*() {
    const fault = numberingFault(record)
    if (fault !== undefined) return yield* Effect.die(new Error(fault))
    const sql = yield* SqlClient.SqlClient
    const lift = yield* LiftSilence
    // The pool's timeouts are for requests: a migration, and waiting for another process's, may take longer.
    const applied = yield* lift(sql.withTransaction(Effect.gen(function*() {
      yield* sql`SET LOCAL statement_timeout = 0`
      yield* sql`SET LOCAL lock_timeout = 0`
      yield* sql`SELECT pg_advisory_xact_lock(hashtextextended('g-store:migrate', 0))`
      return yield* run({ loader: Migrator.fromRecord(record) })
    })))
    if (applied.length > 0) yield* Effect.logInfo(`schema migrated to ${schemaVersion(record)}`)
    return applied
  }).pipe(Effect.annotateLogs({ module: "migrations" }))

/** The number of the last applied step; 0 before the first. */
export const currentVersion: Effect.Effect<number, SqlError, SqlClient.SqlClient> = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const [table] = yield* sql<{ there: boolean }>`SELECT to_regclass('effect_sql_migrations') IS NOT NULL AS there`
  // Anything but an answer to what was asked must not pass for a database without tables.
  if (typeof table?.there !== "boolean") return yield* Effect.die(new Error(`no answer: ${JSON.stringify(table)}`))
  if (!table.there) return 0
  const [row] = yield* sql<
    { version: number }
  >`SELECT coalesce(max(migration_id), 0)::int AS version FROM effect_sql_migrations`
  if (typeof row?.version !== "number") return yield* Effect.die(new Error(`no answer: ${JSON.stringify(row)}`))
  return row.version
})

/** Waits until the schema has its version, saying so every few seconds; `gstore migrate` brings it there. */
export const awaitSchema = (record: MigrationRecord): Effect.Effect<void, never, SqlClient.SqlClient> => {
  const wanted = schemaVersion(record)
  return currentVersion.pipe(
    Effect.flatMap((found) =>
      found >= wanted
        ? Effect.void
        : Effect.fail(`waiting for the schema: found version ${found}, need ${wanted}; run \`gstore migrate\``)
    ),
    Effect.tapError((reason) =>
      typeof reason === "string"
        ? Effect.logWarning(reason)
        : Effect.logWarning("waiting for the schema: the database does not answer", reason)
    ),
    Effect.retry(Schedule.spaced("2 seconds")),
    Effect.orDie,
    Effect.annotateLogs({ module: "migrations" })
  )
}

/**
 * Migrates, however often the database goes away meanwhile: a migration is one transaction, so nothing is left of one that
 * broke off. Fails when the steps themselves are wrong.
 */
export const migrateInTheEnd = (
  record: MigrationRecord
): Effect.Effect<void, Migrator.MigrationError | DatabaseUnavailable, SqlClient.SqlClient> =>
  migrate(record).pipe(
    Effect.catchTag("MigrationError", (error) => {
      const { cause } = error
      if (!isSqlError(cause)) return Effect.fail(error)
      // What is no passing failure is told with the name of its step.
      return Effect.catchDefect(orUnavailable(Effect.fail(cause)), () => Effect.fail(error))
    }),
    orUnavailable,
    Effect.asVoid,
    Effect.tapError((error) =>
      error._tag === "DatabaseUnavailable"
        ? Effect.logWarning("the database went away while it was migrated; trying again", error)
        : Effect.void
    ),
    Effect.retry({ while: ({ _tag }) => _tag === "DatabaseUnavailable", schedule: Schedule.spaced("1 second") }),
    Effect.annotateLogs({ module: "migrations" })
  )

/** Migrates at start in development; in production waits for somebody else's `gstore migrate`. */
export const migrations = (
  record: MigrationRecord
): Layer.Layer<
  never,
  Config.ConfigError | Migrator.MigrationError | DatabaseUnavailable,
  SqlClient.SqlClient
> =>
  Layer.effectDiscard(Effect.gen(function*() {
    if ((yield* environment) === "production") yield* awaitSchema(record)
    else yield* migrateInTheEnd(record)
  }))
