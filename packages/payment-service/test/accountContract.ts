import { assert, describe, it } from "@effect/vitest"
import { Amount, MAX_BALANCE } from "@g-store/contracts/Amount.ts"
import { Transactions } from "@g-store/messaging/Transactions.ts"
import { Array, Effect, type Layer, Result } from "effect"
import { AccountRepository } from "../src/application/AccountRepository.ts"
import { balanceOf, lift, openAccounts, type PaymentStore } from "./books.ts"
import { accountId, accountOf, ada, bob, entryId, later, topUpOf } from "./fixtures.ts"

/** What every store of accounts must do, whatever it is made of. */
export const accountContract = (name: string, layer: Layer.Layer<PaymentStore, unknown>) => {
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
      "keep a ledger whose times never go backwards, whoever's clock is late",
      Effect.gen(function*() {
        const accounts = yield* AccountRepository
        yield* accounts.open(accountOf(1))
        for (const clock of [60_000, 1]) yield* accounts.topUp(topUpOf(accountOf(1), clock, 1, later(clock)))
        const entries = yield* accounts.entries(accountId(1), { before: undefined, limit: 2 })
        assert.deepStrictEqual(entries.map(({ createdAt }) => createdAt), [later(60_000), later(60_000)])
        assert.deepStrictEqual((yield* accounts.ofUser(ada)).updatedAt, later(60_000))
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
}
