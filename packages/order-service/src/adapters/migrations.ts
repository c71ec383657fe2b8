import { createIdempotencyTable, createInboxTables } from "@g-store/messaging/postgres/inboxSchema.ts"
import { createOutboxTables } from "@g-store/messaging/postgres/schema.ts"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * `orders` is each order as it now is; `order_history` each of its transitions, written once and never changed.
 *
 * Every list has an index in its own order: a user's orders by status (which also serves all statuses, see
 * OrderLists.ts, so that a write pays for one index by user and not for two), everybody's by status, everybody's by the
 * primary key. The two counts by user need nothing but the first of these.
 * Ids are UUIDv7, so "newest first" is by id, and new rows go to the right end of most indexes.
 * The free fifth of each page keeps an order's next versions next to it.
 *
 * No foreign key ties history to orders: the statements that write a row of one write the other with it, and the check
 * would be paid for by every create and every step.
 */
const createOrderTables = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE orders (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL,
      amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000),
      status text NOT NULL
        CHECK (status IN ('PENDING', 'PAID', 'ASSEMBLING', 'ASSEMBLED', 'DELIVERING', 'ISSUED', 'CANCELLED')),
      description text CHECK (char_length(description) <= 500),
      cancellation_reason text CHECK (cancellation_reason IN ('CHANGED_MIND', 'OUT_OF_STOCK', 'DELIVERY_UNAVAILABLE',
        'NO_PAYMENT_ACCOUNT', 'INSUFFICIENT_FUNDS', 'PAYMENT_INTERNAL_ERROR')),
      version integer NOT NULL CHECK (version >= 1),
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL CHECK (updated_at >= created_at),
      CHECK ((status = 'CANCELLED') = (cancellation_reason IS NOT NULL))
    ) WITH (fillfactor = 80)`
  yield* sql`CREATE INDEX orders_by_user ON orders (user_id, status, id)`
  yield* sql`CREATE INDEX orders_by_status ON orders (status, id)`
  yield* sql`
    CREATE TABLE order_history (
      order_id uuid NOT NULL,
      version integer NOT NULL CHECK (version >= 1),
      status text NOT NULL,
      actor_type text NOT NULL CHECK (actor_type IN ('CUSTOMER', 'STAFF', 'PAYMENT')),
      actor_id text,
      reason text,
      occurred_at timestamptz NOT NULL,
      PRIMARY KEY (order_id, version),
      CHECK ((status = 'CANCELLED') = (reason IS NOT NULL))
    )`
})

/**
 * What was written lately, for the standing audit. Summaries of block ranges: an order's writes pay next to nothing for
 * them, and a look reads the few ranges that have changed.
 */
const indexWritten = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE INDEX orders_updated_at ON orders USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on)`
  yield* sql`
    CREATE INDEX order_history_occurred_at ON order_history USING brin (occurred_at)
    WITH (pages_per_range = 16, autosummarize = on)`
})

/** Numbered steps that bring an empty database to this version's schema. Add steps; never change one. */
export const migrations = {
  "0001_orders": createOrderTables,
  "0002_outbox": createOutboxTables,
  "0003_inbox": createInboxTables,
  "0004_idempotency": createIdempotencyTable,
  "0005_written": indexWritten
}
