import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { DatabaseName } from "../StoreConfig.ts"

type Ids = Effect.Effect<ReadonlyArray<string>, SqlError.SqlError, SqlClient.SqlClient>

/** Every id is above this one. */
export const START = "00000000-0000-0000-0000-000000000000"

/** Up to where a database was looked at. */
export interface Mark {
  /** When, in seconds, on the database's clock. */
  readonly at: number
  /** The oldest transaction that was under way then: whatever one before it wrote could be seen. */
  readonly horizon: string
}

export const markNow: Effect.Effect<Mark, SqlError.SqlError, SqlClient.SqlClient> = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const [mark] = yield* sql<Mark>`
    SELECT extract(epoch FROM clock_timestamp())::float8 AS at,
      (pg_snapshot_xmin(pg_current_snapshot())::text::numeric % 4294967296)::text AS horizon`
  return mark ?? (yield* Effect.die(new Error("PostgreSQL answered nothing to a SELECT without FROM")))
})

/** A column that gets the time of each write of its row, and the column with the audited id. */
interface Trace {
  readonly table: string
  readonly time: string
  readonly id: string
}

/** What the audit goes through, and the tables that show what was just written of it. */
export interface Rows {
  readonly name: "orders" | "payments" | "feed" | "accounts" | "ledger"
  readonly database: DatabaseName
  readonly traces: ReadonlyArray<Trace>
}

/** Rows of which the audit visits all, in the order of their ids. */
export interface Swept extends Rows {
  readonly swept: { readonly table: string; readonly id: string }
}

export const orders: Swept = {
  name: "orders",
  database: "orders",
  swept: { table: "orders", id: "id" },
  traces: [
    { table: "orders", time: "updated_at", id: "id" },
    { table: "order_history", time: "occurred_at", id: "order_id" }
  ]
}
export const payments: Swept = {
  name: "payments",
  database: "payments",
  swept: { table: "payments", id: "order_id" },
  traces: [
    { table: "payments", time: "updated_at", id: "order_id" },
    // Top-ups belong to no order: their id is null, which no page of ids contains.
    { table: "ledger", time: "created_at", id: "order_id" }
  ]
}
/** Swept along with the orders. */
export const feed: Rows = {
  name: "feed",
  database: "notifications",
  traces: [{ table: "feed", time: "occurred_at", id: "order_id" }]
}
export const accounts: Swept = {
  name: "accounts",
  database: "payments",
  swept: { table: "accounts", id: "id" },
  traces: [{ table: "accounts", time: "updated_at", id: "id" }]
}
export const ledger: Swept = {
  name: "ledger",
  database: "payments",
  swept: { table: "ledger", id: "id" },
  traces: [{ table: "ledger", time: "created_at", id: "id" }]
}

/** The next ids of a swept table, in their order; fewer than `limit` at the end. */
export const idsAfter = (swept: Swept["swept"], after: string, limit: number): Ids =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const id = sql(swept.id)
    const rows = yield* sql<{ id: string }>`
      SELECT ${id} AS id FROM ${sql(swept.table)} WHERE ${id} > ${after}::uuid ORDER BY ${id} LIMIT ${limit}`
    return rows.map((row) => row.id)
  })

/**
 * The next ids, in their order, of rows that may have been written after `mark`. Two conditions: the row's own time,
 * with a margin for clocks that differ and transactions that took long, finds it by the index; its transaction tells
 * exactly whether the last look can have seen it, so that the margin is not checked again and again.
 */
export const idsWritten = (
  traces: ReadonlyArray<Trace>,
  mark: { readonly since: number; readonly horizon: string | undefined },
  after: string,
  limit: number
): Ids =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const unseen = mark.horizon === undefined
      ? sql`true`
      : sql`age(xmin) <= age(${mark.horizon}::text::xid)`
    const written = sql.join(" UNION ", false)(traces.map(({ id, table, time }) =>
      sql`SELECT ${sql(id)} AS id FROM ${sql(table)} WHERE ${
        sql(time)
      } > to_timestamp(${mark.since}::float8) AND ${unseen}`
    ))
    // Materialized: as a part of the traces' own questions the page would be taken from the order of the primary key,
    // which goes through all that is stored to find the little that was written.
    const rows = yield* sql<{ id: string }>`
      WITH written AS MATERIALIZED (${written})
      SELECT id FROM written WHERE id > ${after}::uuid ORDER BY id LIMIT ${limit}`
    return rows.map((row) =>
      row.id
    )
  })

/** About how many rows a table has. */
export const aboutHowMany = (swept: Swept["swept"]) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const [row] = yield* sql<{ rows: number }>`
      SELECT greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::float8 AS rows
      FROM pg_class c WHERE c.oid = to_regclass(${swept.table})`
    return row?.rows ?? 0
  })
