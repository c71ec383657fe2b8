import type { Caller } from "@g-store/contracts/Actor.ts"
import { Amount } from "@g-store/contracts/Amount.ts"
import { AccountId, OrderId, TransactionId, UserId } from "@g-store/contracts/Ids.ts"
import type { OrderCancelled, OrderCreated } from "@g-store/contracts/OrderEvents.ts"
import { DateTime } from "effect"
import type { Account, TopUp } from "../src/domain/Account.ts"
import type { PaymentCommand } from "../src/domain/Payment.ts"

const uuid = (kind: number, n: number) =>
  `0191f3a2-7b1c-7${kind.toString().padStart(3, "0")}-8000-${n.toString(16).padStart(12, "0")}`

/** The nth of its kind: distinct, and sorted by n. */
export const orderId = (n: number) => OrderId.make(uuid(1, n))
export const userId = (n: number) => UserId.make(uuid(2, n))
export const accountId = (n: number) => AccountId.make(uuid(3, n))
export const entryId = (n: number) => TransactionId.make(uuid(4, n))

export const ada = userId(1)
export const bob = userId(2)
export const customer = (id: UserId): Caller => ({ _tag: "Customer", userId: id })
export const staff: Caller = { _tag: "Staff", id: "staff-key" }

export const at = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
export const later = (milliseconds: number) => DateTime.add(at, { milliseconds })

export const accountOf = (n: number, balance = 0n): Account => ({
  id: accountId(n),
  userId: userId(n),
  balance,
  entries: 0,
  createdAt: at,
  updatedAt: at
})

export const topUpOf = (account: Account, id: number, amount: number, now = at): TopUp => ({
  id: entryId(id),
  accountId: account.id,
  userId: account.userId,
  amount: Amount.make(amount),
  now
})

export const created = (order: number, amount: number, user = ada): OrderCreated => ({
  _tag: "OrderCreated",
  orderId: orderId(order),
  userId: user,
  amount: Amount.make(amount),
  occurredAt: at,
  version: 1
})

export const cancelled = (order: number, user = ada): OrderCancelled => ({
  _tag: "OrderCancelled",
  orderId: orderId(order),
  userId: user,
  reason: "CHANGED_MIND",
  source: "CUSTOMER",
  occurredAt: at,
  version: 2
})

/** Commands of a batch; their entries are numbered from `first`. */
export const commands = (events: ReadonlyArray<PaymentCommand["event"]>, first = 1): ReadonlyArray<PaymentCommand> =>
  events.map((event, index) => ({ id: entryId(first + index), event }))
