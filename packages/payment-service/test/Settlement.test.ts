import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { Account } from "../src/domain/Account.ts"
import type { Payment, PaymentCommand } from "../src/domain/Payment.ts"
import { type Book, settle } from "../src/domain/Settlement.ts"
import {
  accountId,
  accountOf,
  ada,
  at,
  bob,
  cancelled,
  commands,
  created,
  entryId,
  later,
  orderId
} from "./fixtures.ts"

const bookOf = (accounts: ReadonlyArray<Account>, payments: ReadonlyArray<Payment> = []): Book => ({
  accounts: new Map(accounts.map((account) => [account.userId, account])),
  payments: new Map(payments.map((payment) => [payment.orderId, payment]))
})

const settled = (book: Book, ...events: ReadonlyArray<PaymentCommand["event"]>) =>
  Result.getOrThrow(settle(book, commands(events), later(5)))

/** The payment that events lead to. */
const paymentAfter = (account: Account, ...events: ReadonlyArray<PaymentCommand["event"]>) => {
  const { accounts: [after = account], decided: [payment] } = settled(bookOf([account]), ...events)
  if (payment === undefined) throw new Error("no payment was decided")
  return { account: after, payment }
}

const nothing = { decided: [], changed: [], accounts: [], entries: [], events: [] }

describe("an order that is created", () => {
  it("is charged, booked and told of when the money is there", () => {
    assert.deepStrictEqual(settled(bookOf([accountOf(1, 100n)]), created(1, 70)), {
      decided: [{
        orderId: orderId(1),
        userId: ada,
        amount: created(1, 70).amount,
        createdAt: later(5),
        updatedAt: later(5),
        state: "CHARGED",
        accountId: accountId(1)
      }],
      changed: [],
      accounts: [{ ...accountOf(1, 30n), entries: 1, updatedAt: later(5) }],
      entries: [{
        id: entryId(1),
        orderId: orderId(1),
        amount: created(1, 70).amount,
        type: "PAYMENT",
        accountId: accountId(1),
        number: 1,
        balanceAfter: 30n,
        createdAt: later(5)
      }],
      events: [{
        command: { id: entryId(1), event: created(1, 70) },
        event: {
          _tag: "PaymentProcessed",
          orderId: orderId(1),
          userId: ada,
          amount: created(1, 70).amount,
          occurredAt: later(5),
          status: "SUCCESS"
        }
      }]
    })
  })

  it("is declined when the money is not there, or no account", () => {
    const poor = settled(bookOf([accountOf(1, 69n)]), created(1, 70))
    assert.include(poor.decided[0], { state: "DECLINED", failureReason: "INSUFFICIENT_FUNDS" })
    assert.include(poor.events[0]?.event, { status: "FAILED", failureReason: "INSUFFICIENT_FUNDS" })
    assert.deepStrictEqual([poor.accounts, poor.entries], [[], []])
    const without = settled(bookOf([]), created(1, 70))
    assert.include(without.decided[0], { state: "DECLINED", failureReason: "NO_ACCOUNT" })
    assert.include(without.events[0]?.event, { status: "FAILED", failureReason: "NO_ACCOUNT" })
  })

  it("changes nothing when it comes again, whatever became of it", () => {
    for (const events of [[created(1, 70)], [created(1, 700)], [created(1, 70), cancelled(1)]]) {
      const { account, payment } = paymentAfter(accountOf(1, 100n), ...events)
      const again = created(1, payment.amount ?? 0)
      assert.deepStrictEqual(settled(bookOf([{ ...account, balance: 10_000n }], [payment]), again, again), nothing)
    }
  })

  it("contradicts a payment of another amount or user, and then the batch is refused", () => {
    for (const events of [[created(1, 70)], [created(1, 700)], [created(1, 70), cancelled(1)]]) {
      const { account, payment } = paymentAfter(accountOf(1, 100n), ...events)
      const batch = [created(2, 1), created(1, 71), created(1, payment.amount ?? 0, bob), created(3, 1)]
      const refused = Result.getOrThrow(Result.flip(settle(bookOf([account], [payment]), commands(batch), at)))
      assert.deepStrictEqual(refused, [{
        position: 1,
        reason: `OrderCreated of order ${
          orderId(1)
        } names the amount 71, but its payment (${payment.state}) is of ${payment.amount}.`
      }, {
        position: 2,
        reason: `OrderCreated of order ${
          orderId(1)
        } names user ${bob}, but its payment (${payment.state}) is of user ${ada}.`
      }])
    }
  })
})

describe("an order that is cancelled", () => {
  it("gets its money back, once, to the account that it came from", () => {
    const { account, payment } = paymentAfter(accountOf(1, 100n), created(1, 70))
    const { accounts, changed, decided, entries, events } = settled(
      bookOf([account], [payment]),
      cancelled(1),
      cancelled(1)
    )
    assert.deepStrictEqual<unknown>(changed, [{ ...payment, state: "REFUNDED" }])
    assert.deepStrictEqual(accounts.map(({ balance, entries: count }) => [balance, count]), [[100n, 2]])
    assert.strictEqual(entries.length, 1)
    assert.include(entries[0], {
      type: "REFUND",
      accountId: accountId(1),
      amount: created(1, 70).amount,
      orderId: orderId(1),
      balanceAfter: 100n
    })
    assert.deepStrictEqual([decided, events], [[], []])
  })

  it("changes nothing when there was no charge, or the refund is made", () => {
    for (
      const events of [[created(1, 700)], [created(1, 70), cancelled(1)], [cancelled(1)], [
        cancelled(1),
        created(1, 70)
      ]]
    ) {
      const { account, payment } = paymentAfter(accountOf(1, 100n), ...events)
      assert.deepStrictEqual(settled(bookOf([account], [payment]), cancelled(1)), nothing)
    }
  })

  it("is not charged when its creation comes late: that only tells the amount", () => {
    const { payment } = paymentAfter(accountOf(1, 100n), cancelled(1))
    assert.include(payment, { state: "VOIDED", amount: null, userId: ada })
    assert.deepStrictEqual(settled(bookOf([accountOf(1, 100n)], [payment]), created(1, 70)), {
      ...nothing,
      changed: [{ ...payment, amount: created(1, 70).amount }]
    })
  })

  it("contradicts a creation of another user, even when it came first", () => {
    const { payment } = paymentAfter(accountOf(1, 100n), cancelled(1))
    assert.isTrue(Result.isFailure(settle(bookOf([], [payment]), commands([created(1, 70, bob)]), at)))
  })

  it("never loses a refund to an account that was not loaded", () => {
    const { payment } = paymentAfter(accountOf(1, 100n), created(1, 70))
    assert.throws(() => settle(bookOf([], [payment]), commands([cancelled(1)]), at), /missing/)
  })
})

describe("a batch", () => {
  it("decides several orders of one account in their order, as long as the money lasts", () => {
    const { accounts, decided, entries } = settled(
      bookOf([accountOf(1, 100n)]),
      ...[60, 50, 40, 1].map((amount, index) => created(index + 1, amount))
    )
    assert.deepStrictEqual(decided.map(({ state }) => state), ["CHARGED", "DECLINED", "CHARGED", "DECLINED"])
    assert.deepStrictEqual(entries.map(({ balanceAfter, number }) => [number, balanceAfter]), [[1, 40n], [2, 0n]])
    assert.deepStrictEqual(accounts.map(({ balance, entries: count }) => [balance, count]), [[0n, 2]])
  })

  it("spends money that a cancel before it in the batch has brought back", () => {
    const { decided } = settled(
      bookOf([accountOf(1, 100n)]),
      created(1, 100),
      created(2, 100),
      cancelled(1),
      created(3, 100)
    )
    assert.deepStrictEqual(decided.map(({ state }) => state), ["REFUNDED", "DECLINED", "CHARGED"])
  })

  it("counts an order that comes twice in it once", () => {
    const { decided, entries, events } = settled(bookOf([accountOf(1, 100n)]), created(1, 40), created(1, 40))
    assert.deepStrictEqual([decided.length, entries.length, events.length], [1, 1, 1])
  })

  it("keeps a payment's times from going backwards with the clock", () => {
    const { account, payment } = paymentAfter(accountOf(1, 100n), created(1, 70))
    const { changed: [refunded] } = Result.getOrThrow(
      settle(bookOf([account], [payment]), commands([cancelled(1)]), at)
    )
    assert.deepStrictEqual(refunded?.updatedAt, payment.updatedAt)
  })
})
