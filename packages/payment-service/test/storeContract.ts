import { assert, describe, it } from "@effect/vitest"
import { Amount, MAX_BALANCE } from "@g-store/contracts/Amount.ts"
import type { UserId } from "@g-store/contracts/Ids.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { SHARDS } from "@g-store/messaging/Outbox.ts"
import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { Transactions } from "@g-store/messaging/Transactions.ts"
import { Array, Effect, type Layer, Result } from "effect"
import { AccountRepository } from "../src/application/AccountRepository.ts"
import { PaymentRepository } from "../src/application/PaymentRepository.ts"
import type { PaymentCommand } from "../src/domain/Payment.ts"
import * as Settlement from "../src/domain/Settlement.ts"
import {
  accountId,
  accountOf,
  ada,
  bob,
  cancelled,
  commands,
  created,
  entryId,
  later,
  orderId,
  topUpOf,
  userId
} from "./fixtures.ts"

export type PaymentStore = AccountRepository | PaymentRepository | OutboxStore | Transactions

/** The messages that wait to be published, in no order of their own. */
export const outbox = Effect.gen(function*() {
  const store = yield* OutboxStore
  const rows = yield* store.read(Array.range(0, SHARDS - 1), 10_000)
  return rows.map(({ message: { payload, ...message } }) => ({
    ...message,
    event: Result.getOrThrow(decodeEvent(message.eventType, payload))
  }))
})

/** Opens accounts of users 1 to n, each holding the same. */
export const openAccounts = Effect.fn(function*(n: number, amount: number) {
  const accounts = yield* AccountRepository
  for (const account of Array.makeBy(n, (index) => accountOf(index + 1))) {
    yield* accounts.open(account)
    yield* accounts.topUp(topUpOf(account, 900_000 + account.entries + Number(account.id.slice(-4)), amount))
  }
})

/** Settles a batch of its own; `first` numbers its entries and must differ from batch to batch. */
export const settle = Effect.fn(function*(first: number, ...events: ReadonlyArray<PaymentCommand["event"]>) {
  const payments = yield* PaymentRepository
  const batch = commands(events, first)
  return yield* payments.settle(batch, (book) => Settlement.settle(book, batch, later(first)))
})

/** Has Ada's account hold what thousands of top-ups would bring: a store books what it is told to. */
export const lift = Effect.fn(function*(balance: bigint) {
  const payments = yield* PaymentRepository
  const account = yield* (yield* AccountRepository).ofUser(ada)
  yield* payments.settle(commands([created(1, 1)]), () =>
    Result.succeed({
      decided: [],
      changed: [],
      accounts: [{ ...account, balance, entries: account.entries + 1 }],
      entries: [{
        id: entryId(77),
        accountId: account.id,
        number: account.entries + 1,
        type: "REFUND",
        amount: Amount.make(1),
        orderId: orderId(77),
        balanceAfter: balance,
        createdAt: account.updatedAt
      }],
      events: []
    }))
})

/** As a consumer does it: a batch that was overtaken is settled again. */
const settleAgain = (first: number, events: ReadonlyArray<PaymentCommand["event"]>) =>
  Effect.retry(settle(first, ...events), { while: (error) => "_tag" in error && error._tag === "DecidedMeanwhile" })

/** The balance of a user's account, once it is sure to be what the ledger says, entry by entry. */
export const balanceOf = Effect.fn(function*(user: UserId) {
  const accounts = yield* AccountRepository
  const account = yield* accounts.ofUser(user)
  const entries = (yield* accounts.entries(account.id, { before: undefined, limit: 10_000 })).toReversed()
  let balance = 0n
  for (const [index, entry] of entries.entries()) {
    balance += entry.type === "PAYMENT" ? -BigInt(entry.amount) : BigInt(entry.amount)
    assert.deepStrictEqual([entry.number, entry.balanceAfter], [index + 1, balance])
    assert.isTrue(balance >= 0n)
  }
  assert.deepStrictEqual([account.balance, account.entries], [balance, entries.length])
  return balance
})

export const stateOf = Effect.fn(function*(order: number) {
  return (yield* (yield* PaymentRepository).byOrder(orderId(order))).state
})

/** What every store of payment-service must do, whatever it is made of. */
export const storeContract = (name: string, layer: Layer.Layer<PaymentStore, unknown>) => {
  const test = (behaviour: string, body: Effect.Effect<void, unknown, PaymentStore>) =>
    it.live(behaviour, () => Effect.provide(body, layer))

  describe(`accounts on ${name}`, () => {
    test(
      "are found by id and by user, as they were opened",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* accounts.open(accountOf(1))
        assert.deepStrictEqual(yield* accounts.byId(accountId(1)), accountOf(1))
        assert.deepStrictEqual(yield* accounts.ofUser(ada), accountOf(1))
        assert.strictEqual((yield* Effect.flip(accounts.byId(accountId(2))))._tag, "AccountNotFound")
        assert.strictEqual((yield* Effect.flip(accounts.ofUser(bob)))._tag, "AccountNotFound")
      })
    )

    test(
      "are one a user: a second is refused with the first one's id, and the transaction around goes on",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        const { run } = yield* Transactions
        yield* accounts.open(accountOf(1))
        yield* run(Effect.gen(function*() {
          const refused = yield* Effect.flip(accounts.open({ ...accountOf(2), userId: ada }))
          assert.deepInclude(refused, { _tag: "AccountExists", accountId: accountId(1) })
          yield* accounts.topUp(topUpOf(accountOf(1), 1, 5))
        }))
        assert.strictEqual(yield* balanceOf(ada), 5n)
      })
    )

    test(
      "are one a user, however many are opened at once",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        const outcomes = yield* Effect.forEach(
          Array.range(1, 8),
          (n) => Effect.result(accounts.open({ ...accountOf(n), userId: ada })),
          { concurrency: "unbounded" }
        )
        const { id } = yield* accounts.ofUser(ada)
        assert.lengthOf(outcomes.filter(Result.isSuccess), 1)
        for (const outcome of outcomes.filter(Result.isFailure)) {
          assert.deepInclude(outcome.failure, { _tag: "AccountExists", accountId: id })
        }
      })
    )

    test(
      "are topped up by their owner, up to the limit; a refusal leaves no trace",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* openAccounts(1, 100)
        const mine = topUpOf(accountOf(1), 1, 10)
        const refusals = yield* Effect.forEach(
          [{ ...mine, userId: bob }, { ...mine, accountId: accountId(2) }],
          (asked) => Effect.flip(accounts.topUp(asked))
        )
        assert.deepStrictEqual(refusals.map(({ _tag }) => _tag), ["Forbidden", "AccountNotFound"])
        yield* lift(BigInt(MAX_BALANCE) - 9n)
        assert.strictEqual((yield* Effect.flip(accounts.topUp(mine)))._tag, "BalanceLimitExceeded")
        yield* accounts.topUp({ ...mine, amount: Amount.make(9) })
        const { balance, entries } = yield* accounts.ofUser(ada)
        assert.deepStrictEqual([balance, entries], [BigInt(MAX_BALANCE), 3])
        assert.lengthOf(yield* accounts.entries(accountId(1), { before: undefined, limit: 10 }), 3)
      })
    )

    test(
      "lose no top-up of many at once",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* openAccounts(1, 1)
        yield* Effect.forEach(Array.range(1, 30), (n) => accounts.topUp(topUpOf(accountOf(1), n, n)), {
          concurrency: "unbounded"
        })
        assert.strictEqual(yield* balanceOf(ada), 466n)
      })
    )

    test(
      "show their ledger in pages, newest first, however much is booked meanwhile",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* accounts.open(accountOf(1))
        for (const n of Array.range(1, 5)) yield* accounts.topUp(topUpOf(accountOf(1), n, n, later(n)))
        const first = yield* accounts.entries(accountId(1), { before: undefined, limit: 2 })
        yield* accounts.topUp(topUpOf(accountOf(1), 6, 6, later(6)))
        const second = yield* accounts.entries(accountId(1), { before: 4, limit: 2 })
        const last = yield* accounts.entries(accountId(1), { before: 2, limit: 2 })
        assert.deepStrictEqual([first, second, last].map((page) => page.map(({ number }) => number)), [[5, 4], [3, 2], [
          1
        ]])
        assert.deepStrictEqual(last, [{
          id: entryId(1),
          accountId: accountId(1),
          number: 1,
          type: "TOP_UP",
          amount: Amount.make(1),
          orderId: null,
          balanceAfter: 1n,
          createdAt: later(1)
        }])
        assert.deepStrictEqual(yield* accounts.entries(accountId(2), { before: undefined, limit: 2 }), [])
      })
    )
  })

  describe(`payments on ${name}`, () => {
    test(
      "are charged, booked and told of, all in one",
      Effect.gen(function*() {
        const payments = yield* PaymentRepository
        yield* openAccounts(1, 100)
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        const batch = [{ id: entryId(1), event: created(1, 70), traceparent }]
        yield* payments.settle(batch, (book) => Settlement.settle(book, batch, later(9)))
        assert.deepStrictEqual(yield* payments.byOrder(orderId(1)), {
          orderId: orderId(1),
          userId: ada,
          state: "CHARGED",
          amount: Amount.make(70),
          accountId: accountId(1),
          createdAt: later(9),
          updatedAt: later(9)
        })
        assert.strictEqual(yield* balanceOf(ada), 30n)
        assert.deepStrictEqual(yield* outbox, [{
          id: entryId(1),
          topic: "payment.events",
          key: orderId(1),
          eventType: "PaymentProcessed",
          traceparent,
          event: {
            _tag: "PaymentProcessed",
            orderId: orderId(1),
            userId: ada,
            amount: Amount.make(70),
            status: "SUCCESS",
            occurredAt: later(9)
          }
        }])
      })
    )

    test(
      "are declined without money or account, and told of with the reason",
      Effect.gen(function*() {
        const payments = yield* PaymentRepository
        yield* openAccounts(1, 100)
        yield* settle(1, created(1, 101), created(2, 1, bob))
        assert.deepInclude(yield* payments.byOrder(orderId(1)), {
          state: "DECLINED",
          failureReason: "INSUFFICIENT_FUNDS"
        })
        assert.deepInclude(yield* payments.byOrder(orderId(2)), { state: "DECLINED", failureReason: "NO_ACCOUNT" })
        assert.strictEqual(yield* balanceOf(ada), 100n)
        const reasons = (yield* outbox).map((
          { event, key }
        ) => [key, event?._tag === "PaymentProcessed" && event.failureReason])
        assert.sameDeepMembers(reasons, [[orderId(1), "INSUFFICIENT_FUNDS"], [orderId(2), "NO_ACCOUNT"]])
      })
    )

    test(
      "are unknown until decided",
      Effect.gen(function*() {
        const payments = yield* PaymentRepository
        assert.deepInclude(yield* Effect.flip(payments.byOrder(orderId(1))), {
          _tag: "PaymentNotFound",
          orderId: orderId(1)
        })
      })
    )

    test(
      "are refunded once, however often the cancel comes, and charged once, however often the creation does",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* settle(1, created(1, 70), created(1, 70))
        yield* settle(11, created(1, 70))
        assert.strictEqual(yield* balanceOf(ada), 30n)
        yield* settle(21, cancelled(1), cancelled(1), created(1, 70))
        yield* settle(31, cancelled(1))
        assert.strictEqual(yield* stateOf(1), "REFUNDED")
        assert.strictEqual(yield* balanceOf(ada), 100n)
        assert.lengthOf(yield* outbox, 1)
      })
    )

    test(
      "are charged and refunded within one batch, and the charge is told of",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* settle(1, created(1, 70), cancelled(1))
        assert.strictEqual(yield* stateOf(1), "REFUNDED")
        assert.strictEqual(yield* balanceOf(ada), 100n)
        assert.lengthOf(yield* outbox, 1)
      })
    )

    test(
      "are void when the cancel comes first: the creation charges nothing and tells nobody",
      Effect.gen(function*() {
        const payments = yield* PaymentRepository
        yield* openAccounts(1, 100)
        yield* settle(1, cancelled(1), cancelled(2))
        assert.deepInclude(yield* payments.byOrder(orderId(1)), { state: "VOIDED", amount: null, userId: ada })
        yield* settle(11, created(1, 70), cancelled(1))
        assert.deepInclude(yield* payments.byOrder(orderId(1)), { state: "VOIDED", amount: Amount.make(70) })
        assert.strictEqual(yield* stateOf(2), "VOIDED")
        assert.strictEqual(yield* balanceOf(ada), 100n)
        assert.deepStrictEqual(yield* outbox, [])
      })
    )

    test(
      "of one account are decided in the order of the batch, as long as the money lasts",
      Effect.gen(function*() {
        yield* openAccounts(2, 100)
        yield* settle(1, ...[60, 50, 40, 1].map((amount, index) => created(index + 1, amount)), created(5, 100, bob))
        assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3, 4, 5], stateOf), [
          "CHARGED",
          "DECLINED",
          "CHARGED",
          "DECLINED",
          "CHARGED"
        ])
        assert.deepStrictEqual(yield* Effect.forEach([ada, bob], balanceOf), [0n, 0n])
        assert.lengthOf(yield* outbox, 5)
      })
    )

    test(
      "are not stored at all when the decision fails, or the transaction around",
      Effect.gen(function*() {
        const payments = yield* PaymentRepository
        const { run } = yield* Transactions
        yield* openAccounts(1, 100)
        assert.strictEqual(
          yield* Effect.flip(payments.settle(commands([created(1, 1)]), () => Result.fail("no"))),
          "no"
        )
        yield* settle(1, created(1, 70), created(2, 10), created(1, 71)).pipe(Effect.flip)
        yield* run(Effect.andThen(settle(11, created(1, 70)), Effect.fail("no"))).pipe(Effect.flip)
        assert.strictEqual((yield* Effect.flip(payments.byOrder(orderId(1))))._tag, "PaymentNotFound")
        assert.strictEqual(yield* balanceOf(ada), 100n)
        assert.deepStrictEqual(yield* outbox, [])
      })
    )

    test(
      "are charged once when the same orders are settled at the same time",
      Effect.gen(function*() {
        yield* openAccounts(2, 1000)
        const orders = Array.range(1, 10).map((n) => created(n, 10, userId(1 + n % 3)))
        yield* Effect.forEach(
          [orders, orders.toReversed(), orders],
          (batch, index) => settleAgain(1 + 100 * index, batch),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(yield* outbox, 10)
        // Users 1 and 2 pay for 3 and 4 orders; user 3 has no account.
        assert.deepStrictEqual(yield* Effect.forEach([ada, bob], balanceOf), [970n, 960n])
      })
    )

    test(
      "of a few hot accounts come out right when charges, refunds and top-ups all run at once",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* openAccounts(3, 100)
        const users = [1, 2, 3]
        const of = (n: number) => userId(1 + n % 3)
        // Every batch touches every account, each in another order, and cancels what another one creates.
        const batches = Array.range(0, 7).map((batch) =>
          Array.range(1, 12).flatMap((step) => {
            const n = batch * 12 + step
            const other = 1 + (n * 5) % 96
            return [created(n, 7, of(n)), cancelled(other, of(other))]
          })
        )
        const topUps = Array.range(1, 24).map((n) => accounts.topUp(topUpOf(accountOf(1 + n % 3), 500_000 + n, 5)))
        yield* Effect.all([...batches.map((batch, index) => settleAgain(1 + 1000 * index, batch)), ...topUps], {
          concurrency: "unbounded"
        })
        const states = yield* Effect.forEach(
          Array.range(1, 96),
          (n) => Effect.map(stateOf(n), (state) => ({ n, state }))
        )
        for (const user of users) {
          const charged = states.filter(({ n, state }) => of(n) === userId(user) && state === "CHARGED").length
          assert.strictEqual(yield* balanceOf(userId(user)), BigInt(100 + 8 * 5 - 7 * charged))
        }
        assert.deepStrictEqual(states.filter(({ state }) => state === "CHARGED"), [])
      })
    )
  })
}
