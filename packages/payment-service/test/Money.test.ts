import { assert, describe, it } from "@effect/vitest"
import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { Result, Schema } from "effect"
import * as Account from "../src/domain/Account.ts"
import type { Payment } from "../src/domain/Payment.ts"
import { payers, settle, type Settlement } from "../src/domain/Settlement.ts"
import { accountOf, cancelled, commands, created, later, topUpOf, userId } from "./fixtures.ts"

const USERS = 3
const ORDERS = 6

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** One of few orders; each has an amount and a user of its own, and the last user has no account. */
const OrderStep = Schema.TaggedStruct("Order", {
  order: between(1, ORDERS),
  what: Schema.Literals(["created", "cancelled"])
})
const eventOf = ({ order, what }: typeof OrderStep.Type) => {
  const user = userId(1 + order % USERS)
  return what === "created" ? created(order, 10 + order * 7, user) : cancelled(order, user)
}

/** What may happen: top-ups and batches of events in any order, repeated at will, at a clock that jumps both ways. */
const Step = Schema.Struct({
  clock: between(-60_000, 60_000),
  what: Schema.Union([
    Schema.TaggedStruct("TopUp", { user: between(1, USERS - 1), amount: between(1, 60) }),
    Schema.TaggedStruct("Batch", { events: Schema.Array(OrderStep) })
  ])
})

const Steps = Schema.Array(Step)

/** Accounts, payments and ledger as a database would hold them. */
class World {
  readonly accounts = new Map<UserId, Account.Account>()
  readonly payments = new Map<OrderId, Payment>()
  readonly ledger: Array<Account.LedgerEntry> = []
  readonly events: Array<Settlement["events"][number]["event"]> = []

  constructor() {
    for (let n = 1; n < USERS; n++) this.accounts.set(userId(n), accountOf(n))
  }

  topUp(user: number, amount: number, clock: number) {
    const account = this.accounts.get(userId(user)) ?? accountOf(user)
    const booked = Result.getOrThrow(
      Account.topUp(account, topUpOf(account, this.ledger.length + 1, amount, later(clock)))
    )
    this.accounts.set(account.userId, booked.account)
    this.ledger.push(booked.entry)
  }

  batch(events: ReadonlyArray<typeof OrderStep.Type>, clock: number) {
    const batch = commands(events.map(eventOf), 1000 * this.ledger.length)
    // The book holds what an adapter would load and no more.
    const users = payers(this.payments, batch)
    const accounts = new Map([...this.accounts].filter(([user]) => users.has(user)))
    const settled = Result.getOrThrow(settle({ payments: this.payments, accounts }, batch, later(clock)))
    for (const payment of [...settled.decided, ...settled.changed]) this.payments.set(payment.orderId, payment)
    for (const account of settled.accounts) this.accounts.set(account.userId, account)
    this.ledger.push(...settled.entries)
    this.events.push(...settled.events.map(({ event }) => event))
  }
}

const live = (steps: ReadonlyArray<typeof Step.Type>, oneByOne = false): World => {
  const world = new World()
  for (const { clock, what } of steps) {
    if (what._tag === "TopUp") world.topUp(what.user, what.amount, clock)
    else for (const events of oneByOne ? what.events.map((event) => [event]) : [what.events]) world.batch(events, clock)
  }
  return world
}

const sum = (amounts: ReadonlyArray<bigint>) => amounts.reduce((total, amount) => total + amount, 0n)
const total = (entries: ReadonlyArray<Account.LedgerEntry>, type: Account.LedgerEntry["type"]) =>
  sum(entries.filter((entry) => entry.type === type).map(({ amount }) => BigInt(amount)))

describe("whatever happens, in whatever order and however often", () => {
  const runs = { arbitrary: { runs: 400, size: 40 } }

  it.prop("every balance is the sum of its ledger, entry by entry, and never below zero", [Steps], ([steps]) => {
    const { accounts, ledger } = live(steps)
    for (const account of accounts.values()) {
      const entries = ledger.filter((entry) => entry.accountId === account.id)
      let balance = 0n
      for (const [index, entry] of entries.entries()) {
        balance += entry.type === "PAYMENT" ? -BigInt(entry.amount) : BigInt(entry.amount)
        assert.deepStrictEqual([entry.number, entry.balanceAfter], [index + 1, balance])
        assert.isTrue(balance >= 0n)
      }
      assert.deepStrictEqual([account.balance, account.entries], [balance, entries.length])
    }
  }, runs)

  it.prop(
    "an order has at most one charge and one refund, of its amount, and its payment says which",
    [Steps],
    ([steps]) => {
      const { ledger, payments } = live(steps)
      const ofOrders = Map.groupBy(ledger.filter((entry) => entry.orderId !== null), (entry) => entry.orderId)
      const expected = { CHARGED: ["PAYMENT"], REFUNDED: ["PAYMENT", "REFUND"], DECLINED: [], VOIDED: [] }
      for (const payment of payments.values()) {
        const entries = ofOrders.get(payment.orderId) ?? []
        assert.deepStrictEqual(entries.map(({ type }) => type), expected[payment.state])
        for (const entry of entries) {
          assert.strictEqual(entry.amount, payment.amount)
          assert.isTrue("accountId" in payment && entry.accountId === payment.accountId)
        }
        ofOrders.delete(payment.orderId)
      }
      assert.strictEqual(ofOrders.size, 0)
    },
    runs
  )

  it.prop("money is neither made nor lost", [Steps], ([steps]) => {
    const { accounts, ledger, payments } = live(steps)
    const held = sum([...accounts.values()].map(({ balance }) => balance))
    const spent = sum(
      [...payments.values()].flatMap((payment) => payment.state === "CHARGED" ? BigInt(payment.amount) : [])
    )
    assert.strictEqual(held + spent, total(ledger, "TOP_UP"))
    assert.strictEqual(total(ledger, "PAYMENT") - total(ledger, "REFUND"), spent)
  }, runs)

  it.prop("each decision is told of once, and says what was done", [Steps], ([steps]) => {
    const { events, ledger, payments } = live(steps)
    assert.strictEqual(new Set(events.map(({ orderId }) => orderId)).size, events.length)
    for (const { orderId, status } of events) {
      assert.strictEqual(
        status === "SUCCESS",
        ledger.some((entry) => entry.orderId === orderId && entry.type === "PAYMENT")
      )
    }
    const told = [...payments.values()].filter(({ state }) => state !== "VOIDED")
    assert.strictEqual(told.length, events.length)
  }, runs)

  it.prop("an order that was ever cancelled does not stay charged", [Steps], ([steps]) => {
    const { payments } = live(steps)
    const batches = steps.flatMap(({ what }) => what._tag === "Batch" ? what.events : [])
    for (const event of batches.filter(({ what }) => what === "cancelled").map(eventOf)) {
      assert.notStrictEqual(payments.get(event.orderId)?.state, "CHARGED")
    }
  }, runs)

  it.prop("a batch comes to the same as its events one by one", [Steps], ([steps]) => {
    const [batched, single] = [live(steps), live(steps, true)]
    assert.deepStrictEqual(batched.accounts, single.accounts)
    assert.deepStrictEqual(batched.payments, single.payments)
  }, runs)
})
