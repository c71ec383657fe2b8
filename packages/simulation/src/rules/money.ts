import type { Overlay } from "@g-store/messaging/memory/MemoryTables.ts"
import type { Account, LedgerEntry } from "@g-store/payment-service/domain/Account.ts"
import type { Payment } from "@g-store/payment-service/domain/Payment.ts"
import type { DatabaseServer } from "../servers/DatabaseServer.ts"
import type { Names } from "../store/Names.ts"
import type { Violations } from "./Violations.ts"

const MONEY = ["accounts", "ledger", "payments"]

/** Money, at every commit of payment-service: none appears or vanishes, and an order takes and gives it back once. */
export const checkMoney =
  (database: DatabaseServer, names: Names, violations: Violations) => (writes: Overlay): void => {
    if (!MONEY.some((table) => writes.has(table))) return
    const ledger = new Map<string, bigint>()
    const counts = new Map<string, { payments: number; refunds: number; amount: number; account: string }>()
    for (const { accountId, amount, balanceAfter, orderId, type } of database.table<LedgerEntry>("ledger").values()) {
      const before = ledger.get(accountId) ?? 0n
      const after = before + (type === "PAYMENT" ? -BigInt(amount) : BigInt(amount))
      ledger.set(accountId, after)
      if (after !== balanceAfter) violations.report("an entry of the ledger does not follow from the one before")
      if (after < 0n) violations.report("a balance is negative")
      if (orderId === null) continue
      const known = counts.get(orderId) ?? { payments: 0, refunds: 0, amount, account: accountId }
      counts.set(orderId, known)
      if (type === "PAYMENT") known.payments++
      else known.refunds++
      const order = names.of(orderId)
      if (known.payments > 1) violations.report(`${order} is charged ${known.payments} times`)
      if (known.refunds > known.payments) {
        violations.report(`${order} is charged ${known.payments} and refunded ${known.refunds} times`)
      }
      if (known.amount !== amount || known.account !== accountId) violations.report(`${order} moves unequal amounts`)
    }
    for (const { balance, id } of database.table<Account>("accounts").values()) {
      if (balance !== (ledger.get(id) ?? 0n)) violations.report("a balance is not the sum of its ledger")
    }
    for (const { orderId, state } of database.table<Payment>("payments").values()) {
      const { payments, refunds } = counts.get(orderId) ?? { payments: 0, refunds: 0 }
      const expected = state === "CHARGED" ? [1, 0] : state === "REFUNDED" ? [1, 1] : [0, 0]
      if (payments !== expected[0] || refunds !== expected[1]) {
        violations.report(`${names.of(orderId)} is ${state} with ${payments} charges and ${refunds} refunds`)
      }
    }
  }
