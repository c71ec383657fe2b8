import { assert, describe, it } from "@effect/vitest"
import { type AuditedOrder, type AuditedPayment, auditOrder } from "../src/audit/OrderAudit.ts"

const order: AuditedOrder = {
  id: "order",
  userId: "ada",
  amount: 100,
  status: "PAID",
  version: 2,
  history: [{ version: 1, status: "PENDING", age: 61 }, { version: 2, status: "PAID", age: 60 }]
}
const booked = (type: "PAYMENT" | "REFUND") => ({ type, amount: 100, accountId: "account", accountUserId: "ada" })
const charged: AuditedPayment = {
  userId: "ada",
  state: "CHARGED",
  amount: 100,
  accountId: "account",
  entries: [booked("PAYMENT")]
}
const refunded: AuditedPayment = { ...charged, state: "REFUNDED", entries: [booked("PAYMENT"), booked("REFUND")] }
const cancelled: AuditedOrder = {
  ...order,
  status: "CANCELLED",
  version: 3,
  history: [...order.history, { version: 3, status: "CANCELLED", age: 1 }]
}
const fed = order.history.map(({ status, version }) => ({ status, version }))

const breaches = (...args: Parameters<typeof auditOrder>) => auditOrder(...args).map((finding) => finding.invariant)

describe("auditOrder", () => {
  it("finds nothing wrong with an order that was paid, or cancelled and paid back", () => {
    assert.deepStrictEqual(breaches(order, charged, fed, 1_000), [])
    assert.deepStrictEqual(breaches(cancelled, refunded, undefined, 1_000), [])
  })

  it("finds an order that nobody decided about, as work that may be in flight", () => {
    assert.deepStrictEqual(
      auditOrder(order, undefined, undefined, 1_000).map(({ inFlight, invariant }) => [invariant, inFlight]),
      [
        ["one-decision", true]
      ]
    )
  })

  it.each(
    [
      ["a gap", [{ version: 1, status: "PENDING", age: 1 }, { version: 3, status: "PAID", age: 1 }]],
      ["a step that is none", [{ version: 1, status: "PENDING", age: 1 }, { version: 2, status: "ISSUED", age: 1 }]],
      ["another beginning", [{ version: 1, status: "PAID", age: 1 }, { version: 2, status: "ASSEMBLING", age: 1 }]],
      ["a lost entry", [{ version: 1, status: "PENDING", age: 1 }]]
    ] as const
  )("finds a history with %s", (_, history) => {
    assert.include(breaches({ ...order, history }, charged, undefined, 1_000), "history-is-a-path")
  })

  it.each<readonly [string, AuditedPayment]>([
    ["charged twice", { ...charged, entries: [booked("PAYMENT"), booked("PAYMENT")] }],
    ["charged without a booking", { ...charged, entries: [] }],
    ["of another amount", { ...charged, entries: [{ ...booked("PAYMENT"), amount: 99 }] }],
    ["from another account", { ...charged, entries: [{ ...booked("PAYMENT"), accountId: "other" }] }],
    ["from somebody else's account", { ...charged, entries: [{ ...booked("PAYMENT"), accountUserId: "bob" }] }],
    ["of another user", { ...charged, userId: "bob" }]
  ])("finds a payment that was %s", (_, payment) => {
    assert.include(breaches(order, payment, undefined, 1_000), "one-payment-one-refund")
  })

  it("finds a second refund", () => {
    const twice = { ...refunded, entries: [...refunded.entries, booked("REFUND")] }
    assert.include(breaches(cancelled, twice, undefined, 1_000), "one-payment-one-refund")
  })

  it("finds orders that do not agree with their payments", () => {
    assert.include(breaches(cancelled, charged, undefined, 1_000), "status-agrees-with-payment")
    assert.include(breaches(order, refunded, undefined, 1_000), "status-agrees-with-payment")
    const pending: AuditedOrder = { ...order, status: "PENDING", version: 1, history: order.history.slice(0, 1) }
    assert.include(breaches(pending, charged, undefined, 1_000), "status-agrees-with-payment")
  })

  it("finds what the feed lacks or has too much, but not what it has let go by age", () => {
    assert.include(breaches(order, charged, fed.slice(1), 1_000), "feed-equals-history")
    assert.include(
      breaches(order, charged, [...fed, { version: 3, status: "ASSEMBLING" }], 1_000),
      "feed-equals-history"
    )
    assert.deepStrictEqual(breaches(order, charged, fed.slice(1), 61), [])
  })
})
