import { createIdempotencyTable, createInboxTables } from "@g-store/messaging/postgres/inboxSchema.ts"
import { createOutboxTables } from "@g-store/messaging/postgres/schema.ts"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * `accounts`: one row per user; `entries` counts its ledger. The row lock (taken in id order by whoever takes several)
 * serialises everything that moves its money. The fill factor keeps updates of the balance on the row's own page.
 *
 * `ledger`: every movement of money, for ever. The number per account makes a booking upon a stale balance collide, the
 * pair of order and type makes a second charge or refund of an order impossible whatever the program does.
 */
const createAccounts = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE accounts (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL UNIQUE,
      balance bigint NOT NULL CHECK (balance >= 0),
      entries integer NOT NULL CHECK (entries >= 0),
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL
    ) WITH (fillfactor = 70)`
  yield* sql`
    CREATE TABLE ledger (
      id uuid PRIMARY KEY,
      account_id uuid NOT NULL REFERENCES accounts,
      number integer NOT NULL CHECK (number > 0),
      type text NOT NULL CHECK (type IN ('TOP_UP', 'PAYMENT', 'REFUND')),
      amount bigint NOT NULL CHECK (amount > 0),
      order_id uuid,
      balance_after bigint NOT NULL CHECK (balance_after >= 0),
      created_at timestamptz NOT NULL,
      UNIQUE (account_id, number),
      UNIQUE (order_id, type),
      CHECK ((type = 'TOP_UP') = (order_id IS NULL))
    )`
})

/**
 * `payments`: the one decision about each order, for ever; that there can be no second row is what "charge once" rests
 * on. VOIDED with no amount waits for the creation that its cancel overtook.
 */
const createPayments = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE payments (
      order_id uuid PRIMARY KEY,
      user_id uuid NOT NULL,
      state text NOT NULL CHECK (state IN ('CHARGED', 'DECLINED', 'REFUNDED', 'VOIDED')),
      amount bigint CHECK (amount > 0),
      failure_reason text,
      account_id uuid,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CHECK (amount IS NOT NULL OR state = 'VOIDED'),
      CHECK ((state = 'DECLINED') = (failure_reason IS NOT NULL)),
      CHECK ((state IN ('CHARGED', 'REFUNDED')) = (account_id IS NOT NULL))
    ) WITH (fillfactor = 90)`
})

/** History is not rewritten, not even by hand: a wrong booking is mended by another one. */
const forbidRewriting = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% of % refused: its rows are kept for ever; mend the ledger by booking another entry',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$`
  yield* sql`
    CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`
  yield* sql`
    CREATE TRIGGER payments_are_kept BEFORE DELETE OR TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`
})

/**
 * What was written lately, for the standing audit. Summaries of block ranges, not trees: a balance stays updated in
 * place (PostgreSQL 16 and newer), and a look reads the few ranges that have changed.
 */
const indexWritten = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  for (
    const [table, time] of [["accounts", "updated_at"], ["payments", "updated_at"], ["ledger", "created_at"]] as const
  ) {
    yield* sql`
      CREATE INDEX ${sql(`${table}_${time}`)} ON ${sql(table)} USING brin (${sql(time)})
      WITH (pages_per_range = 16, autosummarize = on)`
  }
})

/** The schema of payment-service's database, step by step. Only ever add to the end. */
export const migrations = {
  "0001_accounts": createAccounts,
  "0002_payments": createPayments,
  "0003_forbid_rewriting": forbidRewriting,
  "0004_outbox": createOutboxTables,
  "0005_inbox": createInboxTables,
  "0006_idempotency": createIdempotencyTable,
  "0007_written": indexWritten
}
