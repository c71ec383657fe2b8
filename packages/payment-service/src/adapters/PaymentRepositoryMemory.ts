import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { PaymentNotFound } from "@g-store/contracts/PaymentErrors.ts"
import { MemoryDatabase, type Rows } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { Effect, Layer, Result } from "effect"
import { PaymentRepository } from "../application/PaymentRepository.ts"
import type { Account } from "../domain/Account.ts"
import type { Payment, PaymentCommand } from "../domain/Payment.ts"
import { type Book, payers, type Settlement } from "../domain/Settlement.ts"
import { type AccountOfUser, ACCOUNTS, ACCOUNTS_BY_USER, LEDGER, ledgerKey, PAYMENTS } from "./MemoryTables.ts"
import { toMessages } from "./PaymentMessages.ts"

const readPayments = (rows: Rows, orderIds: ReadonlyArray<OrderId>) => {
  const payments = new Map<OrderId, Payment>()
  for (const orderId of orderIds) {
    const payment = rows.get<Payment>(PAYMENTS, orderId)
    if (payment !== undefined) payments.set(orderId, payment)
  }
  return payments
}

const write = (rows: Rows, { accounts, changed, decided, entries }: Settlement) => {
  for (const payment of [...decided, ...changed]) rows.put(PAYMENTS, payment.orderId, payment)
  for (const account of accounts) rows.put(ACCOUNTS, account.id, account)
  for (const entry of entries) rows.put(LEDGER, ledgerKey(entry.accountId, entry.number), entry)
}

export const PaymentRepositoryMemory = Layer.effect(
  PaymentRepository,
  Effect.gen(function*() {
    const database = yield* MemoryDatabase
    const outbox = yield* Outbox

    const byOrder = Effect.fn("PaymentRepository.byOrder")(function*(orderId: OrderId) {
      const payment = yield* database.statement("payment by order", [], (rows) => rows.get<Payment>(PAYMENTS, orderId))
      return payment ?? (yield* PaymentNotFound.of(orderId))
    })

    const settle = Effect.fn("PaymentRepository.settle")(function*<E>(
      commands: ReadonlyArray<PaymentCommand>,
      decide: (book: Book) => Result.Result<Settlement, E>
    ) {
      const orderIds = [...new Set(commands.map(({ event }) => event.orderId))].toSorted()
      const payments = yield* database.statement(
        "lock payments",
        orderIds.map((orderId) => `${PAYMENTS}/${orderId}`),
        (rows) => readPayments(rows, orderIds)
      )
      const accountIds = yield* database.statement(
        "accounts of payers",
        [],
        (rows) =>
          [...payers(payments, commands)].flatMap((userId) =>
            rows.get<AccountOfUser>(ACCOUNTS_BY_USER, userId)?.id ?? []
          )
      )
      const locks = accountIds.toSorted().map((id) => `${ACCOUNTS}/${id}`)
      const outcome = yield* database.statement("settle", locks, (rows) => {
        const accounts = new Map<UserId, Account>()
        for (const id of accountIds) {
          const account = rows.get<Account>(ACCOUNTS, id)
          if (account !== undefined) accounts.set(account.userId, account)
        }
        return Result.map(decide({ payments, accounts }), (settlement) => {
          write(rows, settlement)
          return settlement
        })
      })
      const settlement = yield* Effect.fromResult(outcome)
      yield* outbox.append(toMessages(settlement))
      return settlement
    }, database.transaction)

    return PaymentRepository.of({ byOrder, settle })
  })
)
