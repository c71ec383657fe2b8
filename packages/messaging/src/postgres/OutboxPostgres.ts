import { PgClient } from "@effect/sql-pg/PgClient"
import { Context, Effect, Layer } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import type { OutgoingMessage } from "../Message.ts"
import { Outbox, shardOf } from "../Outbox.ts"
import { LEASE_MILLIS, OutboxStore, type Removal } from "../OutboxStore.ts"
import { makeWakeups } from "../Wakeups.ts"
import { orUnavailable } from "./Postgres.ts"

/**
 * An INSERT of the messages, as a statement or as a CTE inside an adapter's own one-statement write (call `outbox.wake`
 * behind that). `where` is a condition over `m` (message_id, topic, key, event_type) for such a CTE, and must then read
 * from the CTE that locks the aggregates' rows, for instance `sql`m.key IN (SELECT id::text FROM changed)``: PostgreSQL
 * runs CTEs that do not depend on each other in any order, and a position drawn before the row lock breaks the key's
 * order. Rows created by the very statement need no such care.
 */
export const outboxInsert = (
  sql: SqlClient.SqlClient,
  messages: ReadonlyArray<OutgoingMessage>,
  where?: Statement.Fragment
): Statement.Statement<unknown> =>
  sql`INSERT INTO outbox (shard, message_id, topic, key, event_type, traceparent, payload)
    SELECT m.shard, m.message_id, m.topic, m.key, m.event_type, nullif(m.traceparent, ''), m.payload
    FROM unnest(
      ${messages.map((message) => shardOf(message.key))}::smallint[],
      ${messages.map((message) => message.id)}::uuid[],
      ${messages.map((message) => message.topic)}::text[],
      ${messages.map((message) => message.key)}::text[],
      ${messages.map((message) => message.eventType)}::text[],
      ${messages.map((message) => message.traceparent ?? "")}::text[],
      ${messages.map((message) => message.payload)}::bytea[]
    ) WITH ORDINALITY AS m (shard, message_id, topic, key, event_type, traceparent, payload, nth)
    ${where === undefined ? sql.literal("") : sql`WHERE ${where}`}
    ORDER BY m.nth`

interface Row {
  readonly position: bigint
  readonly shard: number
  readonly message_id: string
  readonly topic: string
  readonly key: string
  readonly event_type: string
  readonly traceparent: string | null
  readonly payload: Uint8Array
}

const messageOf = (row: Row): OutgoingMessage => ({
  id: row.message_id,
  topic: row.topic,
  key: row.key,
  eventType: row.event_type,
  payload: row.payload,
  ...(row.traceparent === null ? {} : { traceparent: row.traceparent })
})

/**
 * Its commit does not wait for the disk: a removal that a crash takes back means that its rows are published again, which
 * consumers know how to take, and the read that goes along with it would wait for nothing.
 */
const removal = (sql: SqlClient.SqlClient, removals: ReadonlyArray<Removal>) => {
  const rows = removals.flatMap(({ epoch, positions, shard }) =>
    positions.map((position) => ({ shard, epoch, position }))
  )
  return sql`
    DELETE FROM outbox o USING (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed, relay_lease l, unnest(
      ${rows.map((row) => row.shard)}::smallint[],
      ${rows.map((row) => row.position)}::bigint[],
      ${rows.map((row) => row.epoch)}::bigint[]
    ) AS r (shard, position, epoch)
    WHERE l.shard = r.shard AND l.epoch = r.epoch AND o.shard = r.shard AND o.position = r.position`
}

export const OutboxPostgres = Layer.effectContext(Effect.gen(function*() {
  // Names stay as the tables spell them, whatever the service has its client turn them into.
  const sql = (yield* PgClient).withoutTransforms()
  const wakeups = makeWakeups()
  const wake = sql.afterCommit(wakeups.wake)
  const lease = sql.literal(`interval '${LEASE_MILLIS} ms'`)

  const outbox = Outbox.of({
    append: (messages) =>
      messages.length === 0 ? Effect.void : orUnavailable(outboxInsert(sql, messages)).pipe(Effect.andThen(wake)),
    wake
  })

  const store = OutboxStore.of({
    claim: ({ exclusive, owner }) =>
      orUnavailable(sql<{ shard: number; epoch: bigint; remaining: number }>`
        WITH free AS (
          SELECT shard FROM relay_lease WHERE ${exclusive === true ? sql`owner <> ${owner}` : sql`expires_at < now()`}
          ORDER BY shard FOR UPDATE ${sql.literal(exclusive === true ? "" : "SKIP LOCKED")}
        )
        UPDATE relay_lease l SET
          owner = ${owner},
          expires_at = now() + ${lease},
          epoch = l.epoch + (l.shard IN (SELECT shard FROM free))::int
        WHERE (l.owner = ${owner} AND l.expires_at >= now()) OR l.shard IN (SELECT shard FROM free)
        RETURNING l.shard, l.epoch,
          (extract(epoch FROM l.expires_at - clock_timestamp()) * 1000)::float8 AS remaining`),
    release: (owner) =>
      orUnavailable(sql`UPDATE relay_lease SET expires_at = '-infinity' WHERE owner = ${owner}`).pipe(Effect.asVoid),
    exchange: ({ limit, removals, shards }) => {
      const removed = removals.some(({ positions }) => positions.length > 0) ? removal(sql, removals) : undefined
      if (shards.length === 0) return removed === undefined ? Effect.succeed([]) : orUnavailable(Effect.as(removed, []))
      // What the statement removes it still sees.
      const rest = removed === undefined ? sql.literal("") : sql`AND position NOT IN (SELECT position FROM removed)`
      return orUnavailable(sql<Row>`
        ${removed === undefined ? sql.literal("") : sql`WITH removed AS (${removed} RETURNING o.position)`}
        SELECT o.position, o.shard, o.message_id, o.topic, o.key, o.event_type, o.traceparent, o.payload
        FROM unnest(${shards}::smallint[]) AS s (shard) CROSS JOIN LATERAL (
          SELECT * FROM outbox WHERE outbox.shard = s.shard ${rest} ORDER BY position LIMIT ${limit}
        ) o ORDER BY o.shard, o.position`).pipe(
        Effect.map((rows) => rows.map((row) => ({ position: row.position, shard: row.shard, message: messageOf(row) })))
      )
    },
    status: orUnavailable(sql<{ topic: string; depth: bigint; oldest: number }>`
      SELECT topic, count(*) AS depth,
        (extract(epoch FROM clock_timestamp() - min(created_at)) * 1000)::float8 AS oldest
      FROM outbox GROUP BY topic ORDER BY topic`).pipe(
      Effect.map((rows) =>
        rows.map(({ depth, oldest, topic }) => ({ topic, depth: Number(depth), oldestMillis: oldest }))
      )
    ),
    wakeups: wakeups.listen
  })
  return Context.make(Outbox, outbox).pipe(Context.add(OutboxStore, store))
}))
