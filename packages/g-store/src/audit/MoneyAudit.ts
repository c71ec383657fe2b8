import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { Checked, Finding } from "./Finding.ts"

type Check = (ids: ReadonlyArray<string>) => Effect.Effect<Checked, SqlError.SqlError, SqlClient.SqlClient>

const checked = (ids: ReadonlyArray<string>, broken: ReadonlyMap<string, Finding>): Checked =>
  new Map(ids.map((id) => {
    const finding = broken.get(id)
    return [id, finding === undefined ? [] : [finding]]
  }))

// A balance is the sum of its ledger exactly when each entry follows from the one before it and the balance is what the
// last one left. Said like this, the price of asking does not grow with an account's ledger.

/** Accounts whose balance is not what their last ledger entry left. Account and entry are of one statement's snapshot. */
export const auditAccounts: Check = Effect.fnUntraced(function*(ids) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ id: string; balance: string; entries: number; left: string; number: number }>`
    SELECT a.id, a.balance::text, a.entries, coalesce(l.balance_after, 0)::text AS left, coalesce(l.number, 0) AS number
    FROM accounts a LEFT JOIN LATERAL (
      SELECT number, balance_after FROM ledger WHERE account_id = a.id ORDER BY number DESC LIMIT 1
    ) l ON true
    WHERE a.id = ANY(${ids}::uuid[])
      AND (a.balance <> coalesce(l.balance_after, 0) OR a.balance < 0 OR a.entries <> coalesce(l.number, 0))`
  return checked(
    ids,
    new Map(rows.map(({ balance, entries, id, left, number }) => [id, {
      invariant: "balance-equals-ledger",
      id,
      detail: `the balance is ${balance} after ${entries} entries, the ledger leaves ${left} after ${number}`,
      inFlight: false
    }]))
  )
})

/** Ledger entries (by their own id) that do not follow from the entry before them, or were booked without a decision. */
export const auditEntries: Check = Effect.fnUntraced(function*(ids) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{
    id: string
    account_id: string
    number: number
    type: string
    amount: string
    order_id: string | null
    balance_after: string
    before: string | null
    loose: boolean
  }>`
    SELECT l.id, l.account_id, l.number, l.type, l.amount::text, l.order_id, l.balance_after::text,
      p.balance_after::text AS before, l.order_id IS NOT NULL AND d.order_id IS NULL AS loose
    FROM ledger l
    LEFT JOIN ledger p ON p.account_id = l.account_id AND p.number = l.number - 1
    LEFT JOIN payments d ON d.order_id = l.order_id
    WHERE l.id = ANY(${ids}::uuid[]) AND (
      (l.order_id IS NOT NULL AND d.order_id IS NULL)
      OR (p.number IS NULL) <> (l.number = 1)
      OR l.balance_after < 0
      OR l.balance_after <> coalesce(p.balance_after, 0) + CASE l.type WHEN 'PAYMENT' THEN -l.amount ELSE l.amount END)`
  return checked(
    ids,
    new Map(rows.map((row) => [
      row.id,
      // Decision and booking are one transaction, so this is never in flight.
      row.loose && row.order_id !== null
        ? {
          invariant: "one-payment-one-refund",
          id: row.order_id,
          detail: `a ${row.type} was booked without any decision about the order`,
          inFlight: false
        }
        : {
          invariant: "balance-equals-ledger",
          id: row.account_id,
          detail: `entry ${row.number}, a ${row.type} of ${row.amount}, leaves ${row.balance_after} after ${
            row.before ?? "no entry"
          }`,
          inFlight: false
        }
    ]))
  )
})
