import { PgClient } from "@effect/sql-pg/PgClient"
import { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { PaymentNotFound } from "@g-store/contracts/PaymentErrors.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { orUnavailable, transaction } from "@g-store/messaging/postgres/Postgres.ts"
import { Effect, Layer, Option, type Result, Schema } from "effect"
import { SqlSchema } from "effect/sql"
import { DecidedMeanwhile, PaymentRepository } from "../application/PaymentRepository.ts"
import type { PaymentCommand } from "../domain/Payment.ts"
import { type Book, payers, type Settlement } from "../domain/Settlement.ts"
import { toMessages } from "./PaymentMessages.ts"
import { AccountRow, PaymentRow, readable } from "./Rows.ts"
import { saveSettlement } from "./SettlementWrites.ts"

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

    const save = Effect.fnUntraced(function*(settlement: Settlement) {
      const { accounts, changed, entries } = settlement
      const messages = toMessages(settlement)
      const decided = settlement.decided.toSorted((a, b) => a.orderId < b.orderId ? -1 : 1)
      if ([decided, changed, accounts, entries, messages].every(({ length }) => length === 0)) return
      const stored = yield* saveSettlement(sql, { ...settlement, decided }, messages)
      const ours = new Set(stored.map((row) => row.order_id))
      const orderIds = decided.map(({ orderId }) => orderId).filter((id) => !ours.has(id))
      if (orderIds.length > 0) return yield* new DecidedMeanwhile({ orderIds })
      if (messages.length > 0) yield* outbox.wake
    })

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
      yield* save(settlement)
      return settlement
    }, transaction(sql))

    return PaymentRepository.of({ byOrder, settle })
  })
)
