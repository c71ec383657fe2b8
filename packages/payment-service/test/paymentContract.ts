import { assert, describe, it } from "@effect/vitest"
import { Amount } from "@g-store/contracts/Amount.ts"
import { Transactions } from "@g-store/messaging/Transactions.ts"
import { Array, Effect, type Layer, Result } from "effect"
import { AccountRepository } from "../src/application/AccountRepository.ts"
import { PaymentRepository } from "../src/application/PaymentRepository.ts"
import * as Settlement from "../src/domain/Settlement.ts"
import { balanceOf, openAccounts, outbox, type PaymentStore, settle, settleAgain, stateOf } from "./books.ts"
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

/** What every store of payments must do, whatever it is made of. */
export const paymentContract = (name: string, layer: Layer.Layer<PaymentStore, unknown>) => {
  const test = (behaviour: string, body: Effect.Effect<void, unknown, PaymentStore>) =>
    it.live(behaviour, () => Effect.provide(body, layer))

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
