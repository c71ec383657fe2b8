import { PgClient } from "@effect/sql-pg/PgClient"
import { Duration, Effect, Layer } from "effect"
import { Purge, type PurgedTable } from "../Purge.ts"
import { transaction } from "./Postgres.ts"

const timeColumn: Record<PurgedTable, string> = { inbox: "received_at", idempotency: "created_at" }

export const PurgePostgres = Layer.effect(
  Purge,
  Effect.map(PgClient, (client) => {
    const sql = client.withoutTransforms()
    return Purge.of({
      batch: (table, age, limit) =>
        transaction(sql)(Effect.gen(function*() {
          const [lock] = yield* sql<{ won: boolean }>`
            SELECT pg_try_advisory_xact_lock(hashtextextended(${`g-store:purge:${table}`}, 0)) AS won`
          if (lock?.won !== true) return undefined
          const deleted = yield* sql<{ count: bigint }>`
            WITH deleted AS (
              DELETE FROM ${sql(table)} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM ${sql(table)}
                WHERE ${sql(timeColumn[table])} < now() - make_interval(secs => ${Duration.toSeconds(age)})
                LIMIT ${limit}
              )) RETURNING 1
            )
            SELECT count(*) AS count FROM deleted`
          return Number(deleted[0]?.count ?? 0n)
        }))
    })
  })
)
