import type { Caller } from "@g-store/contracts/Actor.ts"
import type { Amount } from "@g-store/contracts/Amount.ts"
import type { AccountId, OrderId, TransactionId, UserId } from "@g-store/contracts/Ids.ts"
import type { OrderCancelled, OrderCreated } from "@g-store/contracts/OrderEvents.ts"
import type { PaymentFailureReason, PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import { Forbidden } from "@g-store/contracts/Problems.ts"
import { DateTime, Result } from "effect"
import * as Account from "./Account.ts"

/**
 * The one decision about an order's payment, kept for ever: it is what makes repeated and late events harmless.
 * A VOIDED one has no amount until the creation that its cancel overtook is heard of.
 */
export type Payment =
  & {
    readonly orderId: OrderId
    readonly userId: UserId
    readonly createdAt: DateTime.Utc
    readonly updatedAt: DateTime.Utc
  }
  & (
    | { readonly state: "CHARGED" | "REFUNDED"; readonly amount: Amount; readonly accountId: AccountId }
    | { readonly state: "DECLINED"; readonly amount: Amount; readonly failureReason: PaymentFailureReason }
    | { readonly state: "VOIDED"; readonly amount: Amount | null }
  )

/** An event that bears on a payment. */
export interface PaymentCommand {
  /** Names what comes of it: the entry in the ledger and the message. */
  readonly id: TransactionId
  readonly event: OrderCreated | OrderCancelled
  /** The trace that it belongs to; what comes of it goes on with that. */
  readonly traceparent?: string | undefined
}

/** What a decision yields; an absent part stays as it is. */
export interface Decision {
  readonly payment?: Payment
  readonly booking?: Account.Booking
  /** To publish: a payment is told of when it is decided, and never again. */
  readonly event?: PaymentProcessed
}

const nothing: Decision = {}

/** Why an event cannot be true beside what is known of the order, for an operator to read. */
export type Contradiction = string

const contradiction = (event: OrderCreated, payment: Payment): Contradiction | undefined => {
  if (payment.userId !== event.userId) {
    return `OrderCreated of order ${event.orderId} names user ${event.userId}, but its payment (${payment.state}) is of user ${payment.userId}.`
  }
  if (payment.amount !== null && payment.amount !== event.amount) {
    return `OrderCreated of order ${event.orderId} names the amount ${event.amount}, but its payment (${payment.state}) is of ${payment.amount}.`
  }
  return undefined
}

const pay = (
  { event, id }: { readonly event: OrderCreated; readonly id: TransactionId },
  account: Account.Account | undefined,
  now: DateTime.Utc
): Decision => {
  const { amount, orderId, userId } = event
  const payment = { orderId, userId, amount, createdAt: now, updatedAt: now }
  const processed = { _tag: "PaymentProcessed", orderId, userId, amount, occurredAt: now } as const
  const booked = account === undefined
    ? Result.fail("NO_ACCOUNT" as const)
    : Account.charge(account, { id, orderId, amount }, now)
  return Result.match(booked, {
    onSuccess: (booking) => ({
      payment: { ...payment, state: "CHARGED", accountId: booking.account.id },
      booking,
      event: { ...processed, status: "SUCCESS" }
    }),
    onFailure: (failureReason) => ({
      payment: { ...payment, state: "DECLINED", failureReason },
      event: { ...processed, status: "FAILED", failureReason }
    })
  })
}

/**
 * What OrderCreated leads to. Only the first word about an order moves money: a repeated creation finds the payment
 * decided, and one that its cancel overtook finds it VOIDED and only tells the amount.
 */
export const decideCreated = (
  command: { readonly event: OrderCreated; readonly id: TransactionId },
  payment: Payment | undefined,
  account: Account.Account | undefined,
  now: DateTime.Utc
): Result.Result<Decision, Contradiction> => {
  if (payment === undefined) return Result.succeed(pay(command, account, now))
  const reason = contradiction(command.event, payment)
  if (reason !== undefined) return Result.fail(reason)
  if (payment.amount !== null) return Result.succeed(nothing)
  return Result.succeed({
    payment: { ...payment, amount: command.event.amount, updatedAt: DateTime.max(now, payment.updatedAt) }
  })
}

/**
 * What OrderCancelled leads to. The money goes back once, to where it came from, whoever the event names; a cancel that
 * comes before the creation leaves a VOIDED payment in its way.
 */
export const decideCancelled = (
  { event: { orderId, userId }, id }: { readonly event: OrderCancelled; readonly id: TransactionId },
  payment: Payment | undefined,
  account: Account.Account | undefined,
  now: DateTime.Utc
): Decision => {
  if (payment === undefined) {
    return { payment: { orderId, userId, state: "VOIDED", amount: null, createdAt: now, updatedAt: now } }
  }
  if (payment.state !== "CHARGED") return nothing
  // Accounts are never deleted, so this is a fault of whoever loaded it; going on would keep the customer's money.
  if (account?.id !== payment.accountId) {
    throw new Error(`Account ${payment.accountId} of charged order ${orderId} is missing`)
  }
  return {
    payment: { ...payment, state: "REFUNDED", updatedAt: DateTime.max(now, payment.updatedAt) },
    booking: Account.refund(account, { id, orderId, amount: payment.amount }, now)
  }
}

/** Staff see every payment, customers their own. */
export const canSee = (payment: Payment, caller: Caller): Result.Result<void, Forbidden> =>
  caller._tag === "Staff" || caller.userId === payment.userId
    ? Result.void
    : Result.fail(new Forbidden({ detail: "The order belongs to somebody else." }))
