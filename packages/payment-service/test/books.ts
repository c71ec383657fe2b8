import { assert } from "@effect/vitest"
import { Amount } from "@g-store/contracts/Amount.ts"
import type { UserId } from "@g-store/contracts/Ids.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { SHARDS } from "@g-store/messaging/Outbox.ts"
import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import type { Transactions } from "@g-store/messaging/Transactions.ts"
import { Array, Context, Effect, Result } from "effect"
import { AccountRepository } from "../src/application/AccountRepository.ts"
import { PaymentRepository } from "../src/application/PaymentRepository.ts"
import type { PaymentCommand } from "../src/domain/Payment.ts"
import * as Settlement from "../src/domain/Settlement.ts"
import { accountOf, ada, commands, created, entryId, later, orderId, topUpOf } from "./fixtures.ts"

export type PaymentStore = AccountRepository | PaymentRepository | OutboxStore | Transactions

/** Comes to an end once somebody waits for a lock of the store. */
export class Waiting extends Context.Service<Waiting, Effect.Effect<void>>()("@g-store/payment-service/test/Waiting") {}

/** The messages that wait to be published, in no order of their own. */
export const outbox = Effect.gen(function*() {
  const store = yield* OutboxStore
  const rows = yield* store.exchange({ removals: [], shards: Array.range(0, SHARDS - 1), limit: 10_000 })
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
export const settleAgain = (first: number, events: ReadonlyArray<PaymentCommand["event"]>) =>
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
