import { assert, describe, it } from "@effect/vitest"
import {
  CancellationReason,
  type HistoryEntry,
  type Order as OrderState,
  OrderStatus
} from "@g-store/contracts/Order.ts"
import type { OrderEvent } from "@g-store/contracts/OrderEvents.ts"
import { PaymentFailureReason } from "@g-store/contracts/PaymentEvents.ts"
import { DateTime, Result, Schema } from "effect"
import * as Order from "../src/domain/Order.ts"
import * as OrderPolicy from "../src/domain/OrderPolicy.ts"
import { ada, at, bob, created, customer, later, payment, paymentOf, staff } from "./fixtures.ts"

const callers = { ada: customer(ada), bob: customer(bob), staff }

/** Anything that anybody may try, at a clock that jumps both ways by up to a minute. */
const Attempt = Schema.Struct({
  clock: Schema.Int.check(Schema.isBetween({ minimum: -60_000, maximum: 60_000 })),
  what: Schema.Union([
    Schema.TaggedStruct("pay", {}),
    Schema.TaggedStruct("decline", { failureReason: Schema.optionalKey(PaymentFailureReason) }),
    Schema.TaggedStruct("cancel", { by: Schema.Literals(["ada", "bob", "staff"]), reason: CancellationReason }),
    Schema.TaggedStruct("move", { by: Schema.Literals(["ada", "bob", "staff"]), to: OrderStatus })
  ])
})

const attempt = (
  order: OrderState,
  { clock, what }: typeof Attempt.Type
): Result.Result<Order.Decision, unknown> => {
  const now = later(clock)
  switch (what._tag) {
    case "pay":
      return Order.pay(order, paymentOf(order), payment, now)
    case "decline":
      return Order.decline(
        order,
        paymentOf(order, { ...what, _tag: "PaymentProcessed", status: "FAILED" }),
        payment,
        now
      )
    case "cancel":
      return Order.cancel(order, { reason: what.reason }, callers[what.by], now)
    case "move":
      return Order.move(order, { to: what.to }, callers[what.by], now)
  }
}

const life = (attempts: ReadonlyArray<typeof Attempt.Type>): Order.Decision =>
  attempts.reduce(
    (soFar, next) =>
      Result.match(attempt(soFar.order, next), {
        onSuccess: (decision) => Order.followedBy(soFar, decision),
        onFailure: () => soFar
      }),
    created()
  )

const statusOf = (event: OrderEvent): OrderStatus =>
  event._tag === "OrderCreated" ? "PENDING" : event._tag === "OrderCancelled" ? "CANCELLED" : event.status

/** Every neighbouring pair. */
const steps = (entries: ReadonlyArray<HistoryEntry>) =>
  entries.slice(1).map((entry, i): readonly [HistoryEntry | undefined, HistoryEntry] => [entries[i], entry])

describe("whatever is tried on an order", () => {
  // Forward far enough to reach the end of the line often, whatever else is mixed in.
  const forward = (["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const).map((to) => ({
    clock: 0,
    what: { _tag: "move" as const, by: "staff" as const, to }
  }))
  const Attempts = Schema.Array(Attempt).check(Schema.isMaxLength(30))

  const holds = (check: (life: Order.Decision) => void) => (attempts: ReadonlyArray<typeof Attempt.Type>) => {
    check(life(attempts))
    check(life([{ clock: 0, what: { _tag: "pay" } }, ...attempts, ...forward]))
    check(
      life([{ clock: 0, what: { _tag: "pay" } }, ...forward.flatMap((move, i) => [...attempts.slice(i, i + 2), move])])
    )
    return true
  }

  it.prop("its history is a path of the state machine", [Attempts], ([attempts]) =>
    holds(({ entries, order }) => {
      assert.strictEqual(entries[0]?.status, "PENDING")
      for (const [from, to] of steps(entries)) {
        assert.include(OrderPolicy.successors[from?.status ?? "CANCELLED"], to.status)
      }
      assert.strictEqual(entries.at(-1)?.status, order.status)
    })(attempts))

  it.prop(
    "versions run from 1 without a gap, in history, events and order alike",
    [Attempts],
    ([attempts]) =>
      holds(({ entries, events, order }) => {
        const numbers = entries.map((_, i) => i + 1)
        assert.deepStrictEqual(entries.map(({ version }) => version), numbers)
        assert.deepStrictEqual(events.map(({ version }) => version), numbers)
        assert.strictEqual(order.version, entries.length)
      })(attempts)
  )

  it.prop(
    "time never goes back, and is the same in history, events and order",
    [Attempts],
    ([attempts]) =>
      holds(({ entries, events, order }) => {
        for (const [from, to] of steps(entries)) {
          assert.isTrue(DateTime.isGreaterThanOrEqualTo(to.occurredAt, from?.occurredAt ?? at))
        }
        assert.deepStrictEqual(events.map(({ occurredAt }) => occurredAt), entries.map(({ occurredAt }) => occurredAt))
        assert.deepStrictEqual(order.updatedAt, entries.at(-1)?.occurredAt)
        assert.deepStrictEqual(order.createdAt, at)
      })(attempts)
  )

  it.prop("its events tell what its history tells", [Attempts], ([attempts]) =>
    holds(({ entries, events, order }) => {
      assert.deepStrictEqual(events.map(statusOf), entries.map(({ status }) => status))
      for (const event of events) assert.deepInclude(event, { orderId: order.id, userId: order.userId })
      for (const { actor, reason, status } of entries) {
        assert.strictEqual(reason !== undefined, status === "CANCELLED")
        if (status === "PAID") assert.strictEqual(actor.type, "PAYMENT")
      }
      assert.strictEqual(order.cancellationReason, entries.at(-1)?.reason)
    })(attempts))

  it.prop(
    "nobody but its customer, the staff and its payment ever appears in its history",
    [Attempts],
    ([attempts]) =>
      holds(({ entries }) => {
        for (const { actor } of entries) {
          assert.deepInclude(
            [{ type: "CUSTOMER", id: ada }, { type: "STAFF", id: "staff-key" }, { type: "PAYMENT" }],
            actor
          )
        }
      })(attempts)
  )
})
