import { PgClient } from "@effect/sql-pg/PgClient"
import { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { PaymentNotFound } from "@g-store/contracts/PaymentErrors.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { orUnavailable, transaction } from "@g-store/messaging/postgres/Postgres.ts"
import { DateTime, Effect, Layer, Option, type Result, Schema } from "effect"
import { SqlSchema } from "effect/sql"
import { DecidedMeanwhile, PaymentRepository } from "../application/PaymentRepository.ts"
import type { Account, LedgerEntry } from "../domain/Account.ts"
import type { Payment, PaymentCommand } from "../domain/Payment.ts"
import { type Book, payers, type Settlement } from "../domain/Settlement.ts"
import { toMessages } from "./PaymentMessages.ts"
import { AccountRow, PaymentRow, readable } from "./Rows.ts"

export const PaymentRepositoryPostgres = Layer.effect(
  PaymentRepository,
  Effect.gen(function*() {
    const sql = yield* PgClient
    const outbox = yield* Outbox

    const columns = sql.literal(
      `order_id AS "orderId", user_id AS "userId", state, amount, failure_reason AS "failureReason",
      account_id AS "accountId", created_at AS "createdAt", updated_at AS "updatedAt"`
    )
    const select = SqlSchema.findOneOption({
      Request: OrderId,
      Result: PaymentRow,
      execute: (orderId) => sql`SELECT ${columns} FROM payments WHERE order_id = ${orderId}`
    })
    const lockPayments = SqlSchema.findAll({
      Request: Schema.Array(OrderId),
      Result: PaymentRow,
      execute: (orderIds) =>
        sql`SELECT ${columns} FROM payments WHERE order_id = ANY(${orderIds}::uuid[]) ORDER BY order_id FOR UPDATE`
    })
    const lockAccounts = SqlSchema.findAll({
      Request: Schema.Array(UserId),
      Result: AccountRow,
      execute: (userIds) =>
        sql`SELECT id, user_id AS "userId", balance, entries, created_at AS "createdAt", updated_at AS "updatedAt"
            FROM accounts WHERE user_id = ANY(${userIds}::uuid[]) ORDER BY id FOR UPDATE`
    })

    // The array encoder cannot tell the type of nothing but nulls, so an empty text or zero stands for one.
    const insertPayments = Effect.fnUntraced(function*(payments: ReadonlyArray<Payment>) {
      if (payments.length === 0) return
      const sorted = payments.toSorted((a, b) => a.orderId < b.orderId ? -1 : 1)
      const inserted = yield* sql<{ orderId: string }>`
        INSERT INTO payments (order_id, user_id, state, amount, failure_reason, account_id, created_at, updated_at)
        SELECT order_id, user_id, state, nullif(amount, 0), nullif(failure_reason, ''), nullif(account_id, '')::uuid, created_at, updated_at
        FROM unnest(
          ${sorted.map((payment) => payment.orderId)}::uuid[], ${sorted.map((payment) => payment.userId)}::uuid[],
          ${sorted.map((payment) => payment.state)}::text[], ${
        sorted.map((payment) => BigInt(payment.amount ?? 0))
      }::bigint[],
          ${sorted.map((payment) => "failureReason" in payment ? payment.failureReason : "")}::text[],
          ${sorted.map((payment) => "accountId" in payment ? payment.accountId : "")}::text[],
          ${sorted.map((payment) => DateTime.toDate(payment.createdAt))}::timestamptz[],
          ${sorted.map((payment) => DateTime.toDate(payment.updatedAt))}::timestamptz[]
        ) AS d(order_id, user_id, state, amount, failure_reason, account_id, created_at, updated_at)
        ON CONFLICT (order_id) DO NOTHING RETURNING order_id AS "orderId"`
      if (inserted.length === sorted.length) return
      const ours = new Set(inserted.map(({ orderId }) => orderId))
      return yield* new DecidedMeanwhile({
        orderIds: sorted.map(({ orderId }) => orderId).filter((id) => !ours.has(id))
      })
    })

    const updatePayments = (payments: ReadonlyArray<Payment>) =>
      payments.length === 0 ? Effect.void : sql`
        UPDATE payments p SET state = d.state, amount = nullif(d.amount, 0), updated_at = d.updated_at
        FROM unnest(
          ${payments.map((payment) => payment.orderId)}::uuid[], ${payments.map((payment) => payment.state)}::text[],
          ${payments.map((payment) => BigInt(payment.amount ?? 0))}::bigint[],
          ${payments.map((payment) => DateTime.toDate(payment.updatedAt))}::timestamptz[]
        ) AS d(order_id, state, amount, updated_at)
        WHERE p.order_id = d.order_id`

    const book = (accounts: ReadonlyArray<Account>, entries: ReadonlyArray<LedgerEntry>) =>
      entries.length === 0 ? Effect.void : sql`
        WITH moved AS (
          UPDATE accounts a SET balance = d.balance, entries = d.entries, updated_at = d.updated_at
          FROM unnest(
            ${accounts.map((account) => account.id)}::uuid[], ${accounts.map((account) => account.balance)}::bigint[],
            ${accounts.map((account) => account.entries)}::integer[],
            ${accounts.map((account) => DateTime.toDate(account.updatedAt))}::timestamptz[]
          ) AS d(id, balance, entries, updated_at)
          WHERE a.id = d.id
        )
        INSERT INTO ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
        SELECT * FROM unnest(
          ${entries.map((entry) => entry.id)}::uuid[], ${entries.map((entry) => entry.accountId)}::uuid[],
          ${entries.map((entry) => entry.number)}::integer[], ${entries.map((entry) => entry.type)}::text[],
          ${entries.map((entry) => BigInt(entry.amount))}::bigint[], ${entries.map((entry) => entry.orderId)}::uuid[],
          ${entries.map((entry) => entry.balanceAfter)}::bigint[],
          ${entries.map((entry) => DateTime.toDate(entry.createdAt))}::timestamptz[]
        )`

    const byOrder = Effect.fn("PaymentRepository.byOrder")(function*(orderId: OrderId) {
      const found = yield* readable(select(orderId))
      return yield* Option.isSome(found) ? Effect.succeed(found.value) : PaymentNotFound.of(orderId)
    }, orUnavailable)

    const settle = Effect.fn("PaymentRepository.settle")(function*<E>(
      commands: ReadonlyArray<PaymentCommand>,
      decide: (book: Book) => Result.Result<Settlement, E>
    ) {
      const orderIds = [...new Set(commands.map(({ event }) => event.orderId))]
      const payments = new Map((yield* readable(lockPayments(orderIds))).map((payment) => [payment.orderId, payment]))
      const users = [...payers(payments, commands)]
      const rows = users.length === 0 ? [] : yield* readable(lockAccounts(users))
      const accounts = new Map(rows.map((account) => [account.userId, account]))
      const settlement = yield* Effect.fromResult(decide({ payments, accounts }))
      yield* insertPayments(settlement.decided)
      yield* updatePayments(settlement.changed)
      yield* book(settlement.accounts, settlement.entries)
      yield* outbox.append(toMessages(settlement))
      return settlement
    }, transaction(sql))

    return PaymentRepository.of({ byOrder, settle })
  })
)
