import { type Amount, MAX_BALANCE } from "@g-store/contracts/Amount.ts"
import type { AccountId, OrderId, TransactionId, UserId } from "@g-store/contracts/Ids.ts"
import { BalanceLimitExceeded } from "@g-store/contracts/PaymentErrors.ts"
import { Forbidden } from "@g-store/contracts/Problems.ts"
import { DateTime, Result } from "effect"

/** What a customer holds here. Money moves only by an entry that says so. */
export interface Account {
  readonly id: AccountId
  readonly userId: UserId
  /** Minor units, never negative. A bigint: refunds are never refused, so it may pass what a number holds exactly. */
  readonly balance: bigint
  /** How many entries the ledger has for the account, which is also the number of its latest. */
  readonly entries: number
  readonly createdAt: DateTime.Utc
  readonly updatedAt: DateTime.Utc
}

/** One movement of money, never changed once booked. TOP_UP and REFUND bring, PAYMENT takes. */
export interface LedgerEntry {
  readonly id: TransactionId
  readonly accountId: AccountId
  /** Counts the account's entries from 1, in the order of their booking. */
  readonly number: number
  readonly type: "TOP_UP" | "PAYMENT" | "REFUND"
  readonly amount: Amount
  /** The order that was paid or refunded; a top-up has none. */
  readonly orderId: OrderId | null
  readonly balanceAfter: bigint
  readonly createdAt: DateTime.Utc
}

/** The account as it now is, and the entry that made it so: stored together or not at all. */
export interface Booking {
  readonly account: Account
  readonly entry: LedgerEntry
}

export const open = (id: AccountId, userId: UserId, now: DateTime.Utc): Account => ({
  id,
  userId,
  balance: 0n,
  entries: 0,
  createdAt: now,
  updatedAt: now
})

const book = (
  account: Account,
  balance: bigint,
  movement: Pick<LedgerEntry, "id" | "type" | "amount" | "orderId">,
  now: DateTime.Utc
): Booking => {
  // Replicas' clocks differ a little; a ledger whose times go backwards would be hard to believe.
  const at = DateTime.max(now, account.updatedAt)
  const number = account.entries + 1
  return {
    account: { ...account, balance, entries: number, updatedAt: at },
    entry: { ...movement, accountId: account.id, number, balanceAfter: balance, createdAt: at }
  }
}

/** A customer uses their own account alone; staff have no business with anybody's money. */
export const canUse = (account: Account, userId: UserId | undefined): Result.Result<void, Forbidden> =>
  account.userId === userId
    ? Result.void
    : Result.fail(new Forbidden({ detail: "The account belongs to somebody else." }))

/** What a customer asks for when they top up; `id` becomes the entry's. */
export interface TopUp {
  readonly id: TransactionId
  readonly accountId: AccountId
  readonly userId: UserId
  readonly amount: Amount
  readonly now: DateTime.Utc
}

export const topUp = (account: Account, asked: TopUp): Result.Result<Booking, Forbidden | BalanceLimitExceeded> =>
  Result.flatMap(canUse(account, asked.userId), () => {
    const balance = account.balance + BigInt(asked.amount)
    return balance > BigInt(MAX_BALANCE)
      ? Result.fail(
        new BalanceLimitExceeded({
          accountId: account.id,
          limit: MAX_BALANCE,
          detail:
            `The balance of ${account.balance} and ${asked.amount} more would exceed ${MAX_BALANCE}, the most an account holds.`
        })
      )
      : Result.succeed(
        book(account, balance, { id: asked.id, type: "TOP_UP", amount: asked.amount, orderId: null }, asked.now)
      )
  })

/** What is taken from or given back to an account for an order; `id` becomes the entry's. */
export interface OrderMovement {
  readonly id: TransactionId
  readonly orderId: OrderId
  readonly amount: Amount
}

/** Takes the money for an order, if it is there. */
export const charge = (
  account: Account,
  movement: OrderMovement,
  now: DateTime.Utc
): Result.Result<Booking, "INSUFFICIENT_FUNDS"> => {
  const balance = account.balance - BigInt(movement.amount)
  return balance < 0n
    ? Result.fail("INSUFFICIENT_FUNDS")
    : Result.succeed(book(account, balance, { ...movement, type: "PAYMENT" }, now))
}

/** Gives the money of an order back. Never refused, whatever the balance: it is the customer's. */
export const refund = (account: Account, movement: OrderMovement, now: DateTime.Utc): Booking =>
  book(account, account.balance + BigInt(movement.amount), { ...movement, type: "REFUND" }, now)
