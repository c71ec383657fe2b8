import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { SHARDS } from "../Outbox.ts"

/**
 * The tables of an outbox and its relay.
 *
 * `outbox.position` orders a key's rows as their transactions committed, because whoever writes a row for a key holds
 * the row lock of that key's aggregate from before the position is drawn until its commit: the next writer cannot draw
 * before. The sequence must not cache (its default). Across keys positions say nothing. The primary key begins with the
 * shard, so that a relay reads the head of each of its shards without passing the rows of a blocked one.
 *
 * Rows live for milliseconds: autovacuum comes by count, not by share, or the dead heads of the shards slow each read.
 *
 * `relay_lease` has one row per shard, always; `epoch` counts its owners, and times are the database's.
 */
export const createOutboxTables = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE outbox (
      position bigint GENERATED ALWAYS AS IDENTITY,
      shard smallint NOT NULL CHECK (shard >= 0 AND shard < ${sql.literal(String(SHARDS))}),
      message_id uuid NOT NULL,
      topic text NOT NULL,
      key text NOT NULL,
      event_type text NOT NULL,
      traceparent text,
      payload bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (shard, position)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)`
  yield* sql`
    CREATE TABLE relay_lease (
      shard smallint PRIMARY KEY,
      owner text NOT NULL DEFAULT '',
      epoch bigint NOT NULL DEFAULT 0,
      expires_at timestamptz NOT NULL DEFAULT '-infinity'
    ) WITH (fillfactor = 50)`
  yield* sql`INSERT INTO relay_lease (shard) SELECT generate_series(0, ${sql.literal(String(SHARDS - 1))})`
})
