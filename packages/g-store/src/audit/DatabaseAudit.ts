import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Finding } from "./Finding.ts"

type Check = Effect.Effect<ReadonlyArray<Finding>, SqlError.SqlError, SqlClient.SqlClient>

const exists = (table: string) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const [row] = yield* sql<{ there: boolean }>`SELECT to_regclass(${table}) IS NOT NULL AS there`
    return row?.there === true
  })

/** What a power cut would cost: nothing, with these three on. */
export const auditSettings = (database: string): Check =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ name: string; setting: string }>`
      SELECT name, setting FROM pg_settings
      WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting NOT IN ('on', 'remote_apply', 'remote_write')`
    return rows.map(({ name, setting }): Finding => ({
      invariant: "durable-settings",
      id: database,
      detail: `${name} is ${setting}`,
      inFlight: false
    }))
  })

/** Rows that wait for the relay: at work while they are young. */
export const auditOutbox = (database: string, settleSeconds: number): Check =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    if (!(yield* exists("outbox"))) return []
    const rows = yield* sql<{ key: string; messages: number; age: number }>`
      SELECT key, count(*)::int AS messages, extract(epoch FROM now() - min(created_at))::float8 AS age
      FROM outbox GROUP BY key ORDER BY min(position) LIMIT 1000`
    return rows.map(({ age, key, messages }): Finding => ({
      invariant: "outbox-empty",
      id: key,
      detail: `${messages} messages wait in ${database}'s outbox, the oldest for ${Math.round(age)} s`,
      inFlight: age < settleSeconds
    }))
  })

/** Messages that were set aside, and keys that wait behind them. */
export const auditDeadLetters = (database: string): Check =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    if (!(yield* exists("dead_letter"))) return []
    const letters = yield* sql<{ id: string; consumer: string; reason: string; state: string }>`
      SELECT id, consumer, reason, state FROM dead_letter
      WHERE state NOT IN ('replayed', 'discarded') ORDER BY id LIMIT 1000`
    const keys = yield* sql<{ consumer: string; key: string; waiting: number }>`
      SELECT p.consumer, p.key, count(m.sequence)::int AS waiting
      FROM parked_key p LEFT JOIN parked_message m USING (consumer, key)
      GROUP BY p.consumer, p.key ORDER BY p.key LIMIT 1000`
    return [
      ...letters.map(({ consumer, id, reason, state }): Finding => ({
        invariant: "no-dead-letter",
        id,
        detail: `${database}: dead letter of ${consumer} (${state}): ${reason}`,
        inFlight: state !== "open"
      })),
      ...keys.map(({ consumer, key, waiting }): Finding => ({
        invariant: "no-dead-letter",
        id: key,
        detail: `${database}: the key waits before ${consumer} with ${waiting} messages`,
        inFlight: false
      }))
    ]
  })

/** Accounts whose balance is not what their ledger adds up to, entry by entry. Each is one statement's snapshot. */
export const auditAccounts: Check = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ id: string; balance: string; total: string; broken: number }>`
    WITH booked AS (
      SELECT account_id, number, balance_after,
        CASE type WHEN 'PAYMENT' THEN -amount ELSE amount END AS delta,
        sum(CASE type WHEN 'PAYMENT' THEN -amount ELSE amount END) OVER w AS running,
        row_number() OVER w AS nth
      FROM ledger WINDOW w AS (PARTITION BY account_id ORDER BY number)
    ), totals AS (
      SELECT account_id, sum(delta) AS total,
        count(*) FILTER (WHERE balance_after <> running OR nth <> number OR running < 0)::int AS broken
      FROM booked GROUP BY account_id
    )
    SELECT a.id, a.balance::text, coalesce(t.total, 0)::text AS total, coalesce(t.broken, 0)::int AS broken
    FROM accounts a LEFT JOIN totals t ON t.account_id = a.id
    WHERE a.balance <> coalesce(t.total, 0) OR a.balance < 0 OR coalesce(t.broken, 0) > 0
    ORDER BY a.id LIMIT 1000`
  return rows.map(({ balance, broken, id, total }): Finding => ({
    invariant: "balance-equals-ledger",
    id,
    detail:
      `the balance is ${balance}, the ledger adds up to ${total}, ${broken} entries do not follow from the one before`,
    inFlight: false
  }))
})

/** Bookings for orders that have no decision. Decision and booking are one transaction, so this is never in flight. */
export const auditLooseEntries: Check = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ order_id: string; type: string }>`
    SELECT l.order_id, l.type FROM ledger l LEFT JOIN payments p ON p.order_id = l.order_id
    WHERE l.order_id IS NOT NULL AND p.order_id IS NULL ORDER BY l.order_id LIMIT 1000`
  return rows.map(({ order_id, type }): Finding => ({
    invariant: "one-payment-one-refund",
    id: order_id,
    detail: `a ${type} was booked without any decision about the order`,
    inFlight: false
  }))
})
