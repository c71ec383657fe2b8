import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { OutgoingMessage } from "@g-store/messaging/Message.ts"
import { outboxInsert } from "@g-store/messaging/postgres/OutboxPostgres.ts"
import { DateTime } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import type { Account, LedgerEntry } from "../domain/Account.ts"
import type { Payment } from "../domain/Payment.ts"
import type { Settlement } from "../domain/Settlement.ts"

// The array encoder cannot tell the type of nothing but nulls, so an empty text or zero stands for one.
const insertPayments = (sql: SqlClient.SqlClient, payments: ReadonlyArray<Payment>) =>
  sql`INSERT INTO payments (order_id, user_id, state, amount, failure_reason, account_id, created_at, updated_at)
    SELECT order_id, user_id, state, nullif(amount, 0), nullif(failure_reason, ''), nullif(account_id, '')::uuid, created_at, updated_at
    FROM unnest(
      ${payments.map((payment) => payment.orderId)}::uuid[], ${payments.map((payment) => payment.userId)}::uuid[],
      ${payments.map((payment) => payment.state)}::text[], ${
    payments.map((payment) => BigInt(payment.amount ?? 0))
  }::bigint[],
      ${payments.map((payment) => "failureReason" in payment ? payment.failureReason : "")}::text[],
      ${payments.map((payment) => "accountId" in payment ? payment.accountId : "")}::text[],
      ${payments.map((payment) => DateTime.toDate(payment.createdAt))}::timestamptz[],
      ${payments.map((payment) => DateTime.toDate(payment.updatedAt))}::timestamptz[]
    ) AS d(order_id, user_id, state, amount, failure_reason, account_id, created_at, updated_at)
    ON CONFLICT (order_id) DO NOTHING RETURNING order_id`

const updatePayments = (sql: SqlClient.SqlClient, payments: ReadonlyArray<Payment>) =>
  sql`UPDATE payments p SET state = d.state, amount = nullif(d.amount, 0), updated_at = d.updated_at
    FROM unnest(
      ${payments.map((payment) => payment.orderId)}::uuid[], ${payments.map((payment) => payment.state)}::text[],
      ${payments.map((payment) => BigInt(payment.amount ?? 0))}::bigint[],
      ${payments.map((payment) => DateTime.toDate(payment.updatedAt))}::timestamptz[]
    ) AS d(order_id, state, amount, updated_at)
    WHERE p.order_id = d.order_id`

const updateAccounts = (sql: SqlClient.SqlClient, accounts: ReadonlyArray<Account>) =>
  sql`UPDATE accounts a SET balance = d.balance, entries = d.entries, updated_at = d.updated_at
    FROM unnest(
      ${accounts.map((account) => account.id)}::uuid[], ${accounts.map((account) => account.balance)}::bigint[],
      ${accounts.map((account) => account.entries)}::integer[],
      ${accounts.map((account) => DateTime.toDate(account.updatedAt))}::timestamptz[]
    ) AS d(id, balance, entries, updated_at)
    WHERE a.id = d.id`

const insertEntries = (sql: SqlClient.SqlClient, entries: ReadonlyArray<LedgerEntry>) =>
  sql`INSERT INTO ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
    SELECT d.* FROM unnest(
      ${entries.map((entry) => entry.id)}::uuid[], ${entries.map((entry) => entry.accountId)}::uuid[],
      ${entries.map((entry) => entry.number)}::integer[], ${entries.map((entry) => entry.type)}::text[],
      ${entries.map((entry) => BigInt(entry.amount))}::bigint[], ${entries.map((entry) => entry.orderId)}::uuid[],
      ${entries.map((entry) => entry.balanceAfter)}::bigint[],
      ${entries.map((entry) => DateTime.toDate(entry.createdAt))}::timestamptz[]
    ) AS d(id, account_id, number, type, amount, order_id, balance_after, created_at)`

/**
 * Stores a settlement, whose known payments and whose accounts the transaction has locked, in one statement; gives the
 * orders that it is the first to decide about. New payments go first: where another transaction has decided about one of
 * them meanwhile, nothing else is stored, and the caller has to roll back. So the unique keys of the ledger do not come
 * to speak before that is known, and no message gets its place in the outbox.
 */
export const saveSettlement = (
  sql: SqlClient.SqlClient,
  { accounts, changed, decided, entries }: Settlement,
  messages: ReadonlyArray<OutgoingMessage>
): Statement.Statement<{ readonly order_id: OrderId }> => {
  const isFirst = decided.length === 0 ? sql`true` : sql`(SELECT count(*) FROM decided) = ${decided.length}`
  const step = (name: string, rows: ReadonlyArray<unknown>, write: () => Statement.Fragment) =>
    rows.length === 0 ? sql.literal("") : sql`, ${sql(name)} AS (${write()})`
  return sql`
    WITH decided AS (${
    decided.length === 0 ? sql`SELECT NULL::uuid AS order_id WHERE false` : insertPayments(sql, decided)
  })
    ${step("changed", changed, () => sql`${updatePayments(sql, changed)} AND ${isFirst}`)}
    ${step("moved", accounts, () => sql`${updateAccounts(sql, accounts)} AND ${isFirst}`)}
    ${step("booked", entries, () => sql`${insertEntries(sql, entries)} WHERE ${isFirst}`)}
    ${step("told", messages, () => outboxInsert(sql, messages, isFirst))}
    SELECT order_id FROM decided`
}
