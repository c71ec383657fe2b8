import { assert, describe, it } from "@effect/vitest"
import { Amount, MAX_BALANCE } from "@g-store/contracts/Amount.ts"
import { Result } from "effect"
import * as Account from "../src/domain/Account.ts"
import { accountId, accountOf, ada, at, bob, entryId, later, orderId, topUpOf } from "./fixtures.ts"

const movement = (amount: number) => ({ id: entryId(7), orderId: orderId(7), amount: Amount.make(amount) })

describe("Account", () => {
  it("opens empty, with an empty ledger", () => {
    const account = Account.open(accountId(1), ada, at)
    assert.deepStrictEqual(account, accountOf(1))
  })

  it("books a top-up with the balance that it leads to", () => {
    const { account, entry } = Result.getOrThrow(
      Account.topUp(accountOf(1, 5n), topUpOf(accountOf(1), 9, 100, later(3)))
    )
    assert.strictEqual(account.balance, 105n)
    assert.deepStrictEqual(entry, {
      id: entryId(9),
      accountId: accountId(1),
      number: 1,
      type: "TOP_UP",
      amount: Amount.make(100),
      orderId: null,
      balanceAfter: 105n,
      createdAt: later(3)
    })
  })

  it("tops up to the limit and not a unit further", () => {
    const account = accountOf(1, BigInt(MAX_BALANCE) - 100n)
    assert.isTrue(Result.isSuccess(Account.topUp(account, topUpOf(account, 1, 100))))
    const refused = Result.flip(Account.topUp(account, topUpOf(account, 1, 101)))
    assert.strictEqual(Result.getOrThrow(refused)._tag, "BalanceLimitExceeded")
  })

  it("is topped up by its owner alone", () => {
    const refused = Result.flip(Account.topUp(accountOf(1), { ...topUpOf(accountOf(1), 1, 100), userId: bob }))
    assert.strictEqual(Result.getOrThrow(refused)._tag, "Forbidden")
  })

  it("is charged to the last unit, but not below zero", () => {
    const { account, entry } = Result.getOrThrow(Account.charge(accountOf(1, 100n), movement(100), at))
    assert.strictEqual(account.balance, 0n)
    assert.include(entry, { type: "PAYMENT", orderId: orderId(7), balanceAfter: 0n })
    assert.deepStrictEqual(Account.charge(accountOf(1, 99n), movement(100), at), Result.fail("INSUFFICIENT_FUNDS"))
  })

  it("takes a refund whatever it holds, exactly", () => {
    const { account } = Account.refund(accountOf(1, 9_007_199_254_740_993n), movement(2), at)
    assert.strictEqual(account.balance, 9_007_199_254_740_995n)
  })

  it("keeps a ledger whose times do not go backwards with the clock", () => {
    const { account, entry } = Account.refund({ ...accountOf(1), updatedAt: later(60_000) }, movement(1), later(1))
    assert.deepStrictEqual([account.updatedAt, entry.createdAt], [later(60_000), later(60_000)])
  })
})
