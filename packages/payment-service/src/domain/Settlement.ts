import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import type { DateTime } from "effect"
import { Array, Result } from "effect"
import type { Account, LedgerEntry } from "./Account.ts"
import type { Contradiction, Decision, Payment, PaymentCommand } from "./Payment.ts"
import { decideCancelled, decideCreated } from "./Payment.ts"

/** What is known before a batch: the payments of its orders that there are, and the accounts that `payers` names. */
export interface Book {
  readonly payments: ReadonlyMap<OrderId, Payment>
  readonly accounts: ReadonlyMap<UserId, Account>
}

/** Whose accounts a batch can move: of orders that have no payment yet, and of charged ones, which may be refunded. */
export const payers = (
  payments: Book["payments"],
  commands: ReadonlyArray<PaymentCommand>
): ReadonlySet<UserId> => {
  const users = new Set<UserId>()
  for (const { event } of commands) {
    const payment = payments.get(event.orderId)
    if (payment === undefined) {
      if (event._tag === "OrderCreated") users.add(event.userId)
    } else if (payment.state === "CHARGED") users.add(payment.userId)
  }
  return users
}

/** What a batch comes to: rows as they end up, entries and messages in the order of the commands. */
export interface Settlement {
  /** Payments of orders that had none. */
  readonly decided: ReadonlyArray<Payment>
  /** Payments that are no longer what they were. */
  readonly changed: ReadonlyArray<Payment>
  readonly accounts: ReadonlyArray<Account>
  readonly entries: ReadonlyArray<LedgerEntry>
  readonly events: ReadonlyArray<{ readonly command: PaymentCommand; readonly event: PaymentProcessed }>
}

/** A command of the batch, by its position, that contradicts what is known. */
export interface Refusal {
  readonly position: number
  readonly reason: Contradiction
}

/**
 * Decides a batch in its order, each command upon the outcome of those before: of several orders of one account the
 * first ones get the money. With a contradiction anywhere the whole batch is refused, so that the rest can be decided
 * without it.
 */
export const settle = (
  book: Book,
  commands: ReadonlyArray<PaymentCommand>,
  now: DateTime.Utc
): Result.Result<Settlement, Array.NonEmptyReadonlyArray<Refusal>> => {
  const payments = new Map<OrderId, Payment>()
  const accounts = new Map<UserId, Account>()
  const entries: Array<LedgerEntry> = []
  const events: Array<Settlement["events"][number]> = []
  const refusals: Array<Refusal> = []

  const decide = ({ event, id }: PaymentCommand): Result.Result<Decision, Contradiction> => {
    const payment = payments.get(event.orderId) ?? book.payments.get(event.orderId)
    const userId = payment?.userId ?? event.userId
    const account = accounts.get(userId) ?? book.accounts.get(userId)
    return event._tag === "OrderCreated"
      ? decideCreated({ event, id }, payment, account, now)
      : Result.succeed(decideCancelled({ event, id }, payment, account, now))
  }

  for (const [position, command] of commands.entries()) {
    const decision = decide(command)
    if (Result.isFailure(decision)) {
      refusals.push({ position, reason: decision.failure })
      continue
    }
    const { booking, event, payment } = decision.success
    if (payment !== undefined) payments.set(payment.orderId, payment)
    if (booking !== undefined) {
      accounts.set(booking.account.userId, booking.account)
      entries.push(booking.entry)
    }
    if (event !== undefined) events.push({ command, event })
  }

  if (Array.isArrayNonEmpty(refusals)) return Result.fail(refusals)
  const touched = [...payments.values()]
  return Result.succeed({
    decided: touched.filter(({ orderId }) => !book.payments.has(orderId)),
    changed: touched.filter(({ orderId }) => book.payments.has(orderId)),
    accounts: [...accounts.values()],
    entries,
    events
  })
}
