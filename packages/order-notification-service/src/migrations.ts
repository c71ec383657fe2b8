import { createInboxTables } from "@g-store/messaging/postgres/inboxSchema.ts"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * `feed`: each order's events by version; written once, dropped by age. `feed_order`: where each order stands and whose
 * it is, kept for ever; its row lock gives out the versions of events that brought none. `feed_position`: up to where
 * each partition is in the feed, so that a new replica does not begin at the beginning.
 */
const createFeed = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE feed (
      order_id uuid NOT NULL,
      version integer NOT NULL CHECK (version >= 1),
      user_id uuid NOT NULL,
      status text NOT NULL,
      reason text,
      source text,
      occurred_at timestamptz NOT NULL,
      PRIMARY KEY (order_id, version)
    )`
  yield* sql`CREATE INDEX feed_occurred_at ON feed USING brin (occurred_at) WITH (autosummarize = on)`
  yield* sql`
    CREATE TABLE feed_order (
      order_id uuid PRIMARY KEY,
      user_id uuid NOT NULL,
      status text NOT NULL,
      version integer NOT NULL CHECK (version >= 1)
    ) WITH (fillfactor = 80)`
  yield* sql`CREATE INDEX feed_order_by_user ON feed_order (user_id, order_id)`
  yield* sql`
    CREATE TABLE feed_position (
      topic text NOT NULL,
      partition integer NOT NULL,
      next_offset bigint NOT NULL,
      PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 50)`
})

/** Numbered steps that bring an empty database to this version's schema. Add steps; never change one. */
export const migrations = {
  "0001_feed": createFeed,
  "0002_inbox": createInboxTables
}
