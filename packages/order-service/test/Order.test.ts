import { assert, describe, it } from "@effect/vitest"
import type { Caller } from "@g-store/contracts/Actor.ts"
import { Amount } from "@g-store/contracts/Amount.ts"
import { type CancellationReason, OrderStatus } from "@g-store/contracts/Order.ts"
import { DateTime, Result } from "effect"
import * as Order from "../src/domain/Order.ts"
import * as OrderPolicy from "../src/domain/OrderPolicy.ts"
import { ada, at, bob, created, customer, later, orderId, orderIn, payment, paymentOf, staff } from "./fixtures.ts"

const statuses = OrderStatus.literals

/** What came of it: the new status, "=" for no change, or what refused it. */
const outcome = (result: Result.Result<Order.Decision, { readonly _tag: string }>): string =>
  Result.match(result, {
    onSuccess: ({ events, order }) => events.length === 0 ? "=" : order.status,
    onFailure: ({ _tag }) => _tag
  })

const table = (f: (status: OrderStatus) => Result.Result<Order.Decision, { readonly _tag: string }>) =>
  Object.fromEntries(statuses.map((status) => [status, outcome(f(status))]))

describe("Order.create", () => {
  it("begins at version 1, PENDING, and says so in history and event", () => {
    const { entries, events, order } = created(1, ada, { description: "two books" })
    assert.deepStrictEqual(order, {
      id: orderId(1),
      userId: ada,
      amount: Amount.make(100),
      description: "two books",
      status: "PENDING",
      version: 1,
      createdAt: at,
      updatedAt: at
    })
    assert.deepStrictEqual(entries, [{
      version: 1,
      status: "PENDING",
      actor: { type: "CUSTOMER", id: ada },
      occurredAt: at
    }])
    assert.deepStrictEqual(events, [{
      _tag: "OrderCreated",
      orderId: orderId(1),
      userId: ada,
      amount: Amount.make(100),
      occurredAt: at,
      version: 1
    }])
  })

  it("is for customers alone", () => {
    assert.strictEqual(outcome(Order.create(orderId(1), { amount: Amount.make(1) }, staff, at)), "Forbidden")
  })
})

describe("a payment", () => {
  it("pays a pending order and changes no other", () => {
    assert.deepStrictEqual(
      table((status) => Order.pay(orderIn(status), paymentOf(orderIn(status)), payment, later(9))),
      {
        PENDING: "PAID",
        PAID: "=",
        ASSEMBLING: "=",
        ASSEMBLED: "=",
        DELIVERING: "=",
        ISSUED: "=",
        CANCELLED: "="
      }
    )
  })

  it("that failed cancels a pending order and changes no other", () => {
    assert.deepStrictEqual(
      table((status) => Order.decline(orderIn(status), paymentOf(orderIn(status)), payment, later(9))),
      {
        PENDING: "CANCELLED",
        PAID: "=",
        ASSEMBLING: "=",
        ASSEMBLED: "=",
        DELIVERING: "=",
        ISSUED: "=",
        CANCELLED: "="
      }
    )
  })

  it("tells its reason of failure as the order's reason of cancellation, by the store", () => {
    const { order } = created()
    const reasonOf = (failure: Parameters<typeof paymentOf>[1]) => {
      const { entries, events, order: after } = Result.getOrThrow(
        Order.decline(order, paymentOf(order, { status: "FAILED", ...failure }), payment, later(1))
      )
      const reason = after.cancellationReason
      assert.deepStrictEqual(
        entries.map((entry) => [entry.actor, entry.reason]),
        [[{ type: "PAYMENT" }, reason]]
      )
      assert.deepStrictEqual(
        events.map((event) => event._tag === "OrderCancelled" ? `${event.reason} ${event.source}` : event._tag),
        [`${reason} STORE`]
      )
      return reason
    }
    assert.strictEqual(reasonOf({ failureReason: "NO_ACCOUNT" }), "NO_PAYMENT_ACCOUNT")
    assert.strictEqual(reasonOf({ failureReason: "INSUFFICIENT_FUNDS" }), "INSUFFICIENT_FUNDS")
    assert.strictEqual(reasonOf({ failureReason: "INTERNAL_ERROR" }), "PAYMENT_INTERNAL_ERROR")
    assert.strictEqual(reasonOf({}), "PAYMENT_INTERNAL_ERROR")
  })

  it("of another amount or user is refused with both named, whatever the order's status", () => {
    for (const status of statuses) {
      const order = orderIn(status)
      const foreign = paymentOf(order, { amount: Amount.make(99), userId: bob })
      for (const settle of [Order.pay, Order.decline]) {
        const { reason } = Result.getOrThrow(Result.flip(settle(order, foreign, payment, at)))
        assert.include(reason, "amount 99 in place of 100")
        assert.include(reason, `user ${bob} in place of ${ada}`)
      }
    }
  })
})

describe("Order.move", () => {
  const moves = (caller: Caller, to: OrderStatus) =>
    table((status) => Order.move(orderIn(status), { to }, caller, later(9)))
  const all = (result: string) => Object.fromEntries(statuses.map((status) => [status, result]))
  const only = (from: OrderStatus, to: OrderStatus) => ({ ...all("TransitionNotAllowed"), [from]: to })

  it("lets staff take one step at a time", () => {
    assert.deepStrictEqual(moves(staff, "ASSEMBLING"), only("PAID", "ASSEMBLING"))
    assert.deepStrictEqual(moves(staff, "ASSEMBLED"), only("ASSEMBLING", "ASSEMBLED"))
    assert.deepStrictEqual(moves(staff, "DELIVERING"), only("ASSEMBLED", "DELIVERING"))
    assert.deepStrictEqual(moves(staff, "ISSUED"), only("DELIVERING", "ISSUED"))
  })

  it("lets nobody set PENDING, PAID or CANCELLED", () => {
    for (const to of ["PENDING", "PAID", "CANCELLED"] as const) {
      assert.deepStrictEqual(moves(staff, to), all("TransitionNotAllowed"))
    }
  })

  it("is not for customers, not even for their own orders", () => {
    for (const to of statuses) assert.deepStrictEqual(moves(customer(ada), to), all("Forbidden"))
  })

  it("says which statuses may follow", () => {
    const refusal = (status: OrderStatus, to: OrderStatus) =>
      Result.getOrThrow(Result.flip(Order.move(orderIn(status), { to }, staff, at))).message
    assert.strictEqual(
      refusal("PAID", "ISSUED"),
      "The order is PAID and cannot become ISSUED. It may become ASSEMBLING or CANCELLED."
    )
    assert.strictEqual(
      refusal("ISSUED", "ASSEMBLED"),
      "The order is ISSUED and cannot become ASSEMBLED. That is final."
    )
    assert.include(refusal("PENDING", "PAID"), "not set by hand")
  })
})

describe("Order.cancel", () => {
  const cancels = (caller: Caller, reason: CancellationReason) =>
    table((status) => Order.cancel(orderIn(status), { reason }, caller, later(9)))
  const cancellable = {
    PENDING: "CANCELLED",
    PAID: "CANCELLED",
    ASSEMBLING: "CANCELLED",
    ASSEMBLED: "CANCELLED",
    DELIVERING: "CANCELLED",
    ISSUED: "TransitionNotAllowed",
    CANCELLED: "TransitionNotAllowed"
  }
  const forbidden = Object.fromEntries(statuses.map((status) => [status, "Forbidden"]))

  it("lets customers change their mind about their own orders until they are issued", () => {
    assert.deepStrictEqual(cancels(customer(ada), "CHANGED_MIND"), cancellable)
    assert.deepStrictEqual(cancels(customer(bob), "CHANGED_MIND"), forbidden)
  })

  it("lets staff cancel for the store's reasons until the order is issued", () => {
    assert.deepStrictEqual(cancels(staff, "OUT_OF_STOCK"), cancellable)
    assert.deepStrictEqual(cancels(staff, "DELIVERY_UNAVAILABLE"), cancellable)
  })

  it("lets nobody cancel for somebody else's reasons", () => {
    assert.deepStrictEqual(cancels(staff, "CHANGED_MIND"), forbidden)
    for (const reason of ["OUT_OF_STOCK", "DELIVERY_UNAVAILABLE"] as const) {
      assert.deepStrictEqual(cancels(customer(ada), reason), forbidden)
    }
    for (const reason of ["NO_PAYMENT_ACCOUNT", "INSUFFICIENT_FUNDS", "PAYMENT_INTERNAL_ERROR"] as const) {
      assert.deepStrictEqual(cancels(customer(ada), reason), forbidden)
      assert.deepStrictEqual(cancels(staff, reason), forbidden)
    }
  })

  it("publishes whose doing it was", () => {
    const { order } = created()
    const published = (caller: Caller, reason: CancellationReason) =>
      Result.getOrThrow(Order.cancel(order, { reason }, caller, later(1))).events
    assert.deepStrictEqual(published(customer(ada), "CHANGED_MIND"), [{
      _tag: "OrderCancelled",
      orderId: order.id,
      userId: ada,
      reason: "CHANGED_MIND",
      source: "CUSTOMER",
      occurredAt: later(1),
      version: 2
    }])
    assert.deepInclude(published(staff, "OUT_OF_STOCK")[0], { source: "STORE" })
  })
})

describe("If-Match", () => {
  const { order } = created()

  it("holds back a change of another version, before asking whether the change is allowed", () => {
    const issued = orderIn("ISSUED")
    assert.strictEqual(outcome(Order.move(issued, { to: "PAID", expected: [1] }, staff, at)), "VersionMismatch")
    assert.strictEqual(
      outcome(Order.cancel(issued, { reason: "OUT_OF_STOCK", expected: [5, 7] }, staff, at)),
      "VersionMismatch"
    )
    assert.strictEqual(
      outcome(Order.cancel(issued, { reason: "OUT_OF_STOCK", expected: [1, issued.version] }, staff, at)),
      "TransitionNotAllowed"
    )
  })

  it("that names no version of ours never holds", () => {
    assert.strictEqual(
      outcome(Order.cancel(order, { reason: "CHANGED_MIND", expected: [] }, customer(ada), at)),
      "VersionMismatch"
    )
  })

  it("does not tell a stranger the version", () => {
    assert.strictEqual(
      outcome(Order.cancel(order, { reason: "CHANGED_MIND", expected: [7] }, customer(bob), at)),
      "Forbidden"
    )
  })
})

describe("time", () => {
  it("does not run backwards within an order", () => {
    const { order } = created()
    const early = DateTime.subtract(at, { hours: 1 })
    const { entries, events, order: after } = Result.getOrThrow(Order.pay(order, paymentOf(order), payment, early))
    assert.deepStrictEqual(after.updatedAt, at)
    assert.deepStrictEqual(entries[0]?.occurredAt, at)
    assert.deepStrictEqual(events[0]?.occurredAt, at)
  })
})

describe("Order.followedBy", () => {
  it("keeps what both decisions said, in order", () => {
    const first = Result.getOrThrow(Order.pay(created().order, paymentOf(created().order), payment, later(1)))
    const second = Result.getOrThrow(Order.move(first.order, { to: "ASSEMBLING" }, staff, later(2)))
    const both = Order.followedBy(first, second)
    assert.deepStrictEqual(both.order, second.order)
    assert.deepStrictEqual(both.entries.map(({ version }) => version), [2, 3])
    assert.deepStrictEqual(both.events.map(({ version }) => version), [2, 3])
    assert.deepStrictEqual(Order.followedBy(both, Order.unchanged(both.order)), both)
  })
})

describe("the state machine", () => {
  it("leads from PENDING to every status", () => {
    const seen = new Set<OrderStatus>(["PENDING"])
    for (const status of seen) for (const next of OrderPolicy.successors[status]) seen.add(next)
    assert.sameMembers([...seen], [...statuses])
  })
})
