import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * The tables of the reading side, for a service's migrations.
 *
 * - `inbox`: which messages a consumer has taken; purged by age once no topic can bring them again.
 * - `dead_letter`: messages that were set aside, with why; never purged.
 * - `parked_key`: the gate in front of a key whose message was set aside. Locked FOR UPDATE by whoever takes, sets aside
 *   or replays messages of the key. `draining` once its letter is settled and only the waiting ones are left to apply.
 * - `parked_message`: messages waiting behind a gate, in the order of `sequence`.
 */
export const createInboxTables = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE inbox (
      consumer text NOT NULL,
      message_id text NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (consumer, message_id)
    )`
  // Rows lie in the order of their time, so a summary of each block range finds the old ones at next to no cost.
  yield* sql`CREATE INDEX inbox_received_at ON inbox USING brin (received_at) WITH (autosummarize = on)`
  yield* sql`
    CREATE TABLE dead_letter (
      id uuid PRIMARY KEY,
      consumer text NOT NULL,
      message_id text NOT NULL,
      topic text NOT NULL,
      partition integer NOT NULL,
      "offset" bigint NOT NULL,
      key text,
      event_type text,
      headers jsonb NOT NULL,
      payload bytea,
      reason text NOT NULL,
      attempts integer NOT NULL,
      first_failed_at timestamptz NOT NULL,
      last_failed_at timestamptz NOT NULL,
      state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'replay requested', 'discard requested', 'replayed', 'discarded')),
      discard_reason text,
      settled_at timestamptz
    )`
  yield* sql`
    CREATE INDEX dead_letter_unsettled ON dead_letter (consumer, state, id)
    WHERE state IN ('open', 'replay requested', 'discard requested')`
  yield* sql`
    CREATE TABLE parked_key (
      consumer text NOT NULL,
      key text NOT NULL,
      dead_letter_id uuid NOT NULL REFERENCES dead_letter (id),
      draining boolean NOT NULL DEFAULT false,
      parked_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (consumer, key)
    )`
  yield* sql`CREATE INDEX parked_key_draining ON parked_key (consumer) WHERE draining`
  // The reference makes it impossible to open a gate with messages left behind it.
  yield* sql`
    CREATE TABLE parked_message (
      consumer text NOT NULL,
      key text NOT NULL,
      sequence bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
      message_id text NOT NULL,
      topic text NOT NULL,
      partition integer NOT NULL,
      "offset" bigint NOT NULL,
      headers jsonb NOT NULL,
      payload bytea,
      parked_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (consumer, key, sequence),
      FOREIGN KEY (consumer, key) REFERENCES parked_key (consumer, key)
    )`
})

/**
 * Idempotency keys with the answers that were given for them, for a service's migrations. `answer` is null only inside
 * the transaction that is working on it.
 */
export const createIdempotencyTable = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE idempotency (
      scope text NOT NULL,
      key text NOT NULL,
      hash text NOT NULL,
      answer jsonb,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (scope, key)
    )`
  yield* sql`CREATE INDEX idempotency_created_at ON idempotency USING brin (created_at) WITH (autosummarize = on)`
})
