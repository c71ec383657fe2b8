import { assert, describe, it } from "@effect/vitest"
import { Transactions } from "@g-store/messaging/Transactions.ts"
import { Deferred, Effect, Fiber, type Layer, Result } from "effect"
import { AccountRepository } from "../src/application/AccountRepository.ts"
import { balanceOf, openAccounts, outbox, type PaymentStore, settle, settleAgain, stateOf, Waiting } from "./books.ts"
import { accountId, accountOf, ada, bob, cancelled, created, orderId, topUpOf } from "./fixtures.ts"

/**
 * What must come out when one comes while another is at it, whatever the store is made of. Each test sees the late one
 * wait before the first one commits.
 */
export const raceContract = (name: string, layer: Layer.Layer<PaymentStore | Waiting, unknown>) => {
  const test = (behaviour: string, body: Effect.Effect<void, unknown, PaymentStore | Waiting>) =>
    it.live(behaviour, () => Effect.provide(body, layer))

  /** Gives what became of `late`, begun while the transaction of `first` was open. */
  const overtaken = <A, E, A2, E2>(
    first: Effect.Effect<A, E, PaymentStore>,
    late: Effect.Effect<A2, E2, PaymentStore>
  ) =>
    Effect.gen(function*() {
      const { run } = yield* Transactions
      const done = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        run(first.pipe(Effect.andThen(Deferred.succeed(done, undefined)), Effect.andThen(Deferred.await(release))))
      )
      yield* Effect.raceFirst(Deferred.await(done), Fiber.join(holder))
      const fiber = yield* Effect.forkChild(Effect.result(late))
      // Should it not wait but come to an end, then that end is what the test looks at.
      yield* Effect.raceFirst(Waiting.use((waiting) => waiting), Fiber.await(fiber))
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(holder)
      return yield* Fiber.join(fiber)
    })

  describe(`one who comes behind another's lock on ${name}`, () => {
    test(
      "charges upon the balance that a top-up leaves",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* openAccounts(1, 60)
        yield* overtaken(accounts.topUp(topUpOf(accountOf(1), 99, 50)), settle(1, created(1, 100)))
        assert.strictEqual(yield* stateOf(1), "CHARGED")
        assert.strictEqual(yield* balanceOf(ada), 10n)
      })
    )

    test(
      "tops up the balance that a charge leaves",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* openAccounts(1, 100)
        yield* overtaken(settle(1, created(1, 60)), accounts.topUp(topUpOf(accountOf(1), 99, 5)))
        assert.strictEqual(yield* balanceOf(ada), 45n)
      })
    )

    test(
      "does not spend what another batch has spent",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* overtaken(settle(1, created(1, 60)), settle(11, created(2, 60)))
        assert.deepStrictEqual(yield* Effect.forEach([1, 2], stateOf), ["CHARGED", "DECLINED"])
        assert.strictEqual(yield* balanceOf(ada), 40n)
      })
    )

    test(
      "charges upon the balance that a refund leaves",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* settle(1, created(1, 60))
        yield* overtaken(settle(11, cancelled(1)), settle(21, created(2, 100)))
        assert.strictEqual(yield* stateOf(2), "CHARGED")
        assert.strictEqual(yield* balanceOf(ada), 0n)
      })
    )

    test(
      "does not refund what another has refunded",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* settle(1, created(1, 60))
        const late = yield* overtaken(settle(11, cancelled(1)), settle(21, cancelled(1)))
        assert.isTrue(Result.isSuccess(late))
        assert.strictEqual(yield* balanceOf(ada), 100n)
      })
    )

    test(
      "refunds when its cancel was overtaken by the creation",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* overtaken(settle(1, created(1, 60)), settleAgain(11, [cancelled(1)]))
        assert.strictEqual(yield* stateOf(1), "REFUNDED")
        assert.strictEqual(yield* balanceOf(ada), 100n)
      })
    )

    test(
      "charges nothing when its creation was overtaken by the cancel",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* overtaken(settle(1, cancelled(1)), settleAgain(11, [created(1, 60), created(2, 30)]))
        assert.deepStrictEqual(yield* Effect.forEach([1, 2], stateOf), ["VOIDED", "CHARGED"])
        assert.strictEqual(yield* balanceOf(ada), 70n)
        assert.deepStrictEqual((yield* outbox).map(({ key }) => key), [orderId(2)])
      })
    )

    test(
      "charges nothing when another has charged the same order, with an account or without",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        for (const [n, user] of [[1, ada], [2, bob]] as const) {
          yield* overtaken(settle(100 * n, created(n, 10, user)), settleAgain(100 * n + 1, [created(n, 10, user)]))
        }
        assert.strictEqual(yield* balanceOf(ada), 90n)
        assert.lengthOf(yield* outbox, 2)
      })
    )

    test(
      "learns of the account that another opens for the same user",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        const late = yield* overtaken(accounts.open(accountOf(1)), accounts.open({ ...accountOf(2), userId: ada }))
        assert.deepInclude(Result.getOrThrow(Result.flip(late)), { _tag: "AccountExists", accountId: accountId(1) })
      })
    )
  })
}
