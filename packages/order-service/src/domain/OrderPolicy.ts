import type { Caller } from "@g-store/contracts/Actor.ts"
import type { CancellationReason, CancelSource, Order, OrderStatus } from "@g-store/contracts/Order.ts"
import { TransitionNotAllowed } from "@g-store/contracts/OrderErrors.ts"
import type { PaymentFailureReason } from "@g-store/contracts/PaymentEvents.ts"
import { Forbidden, VersionMismatch } from "@g-store/contracts/Problems.ts"
import { Result } from "effect"

/** The order's life: what may follow what. A status with no successors is final. */
export const successors: Record<OrderStatus, ReadonlyArray<OrderStatus>> = {
  PENDING: ["PAID", "CANCELLED"],
  PAID: ["ASSEMBLING", "CANCELLED"],
  ASSEMBLING: ["ASSEMBLED", "CANCELLED"],
  ASSEMBLED: ["DELIVERING", "CANCELLED"],
  DELIVERING: ["ISSUED", "CANCELLED"],
  ISSUED: [],
  CANCELLED: []
}

/** Into which statuses a caller may move an order. PAID is in no list, since only a payment makes an order PAID. */
export const movers: Record<Caller["_tag"], ReadonlyArray<OrderStatus>> = {
  Customer: [],
  Staff: ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"]
}

/** For which reasons a caller may cancel; the other reasons are a payment's. */
export const reasons: Record<Caller["_tag"], ReadonlyArray<CancellationReason>> = {
  Customer: ["CHANGED_MIND"],
  Staff: ["OUT_OF_STOCK", "DELIVERY_UNAVAILABLE"]
}

/** As whose doing a cancellation is published. A failed payment, too, is the store's. */
export const sources: Record<Caller["_tag"] | "Payment", CancelSource> = {
  Customer: "CUSTOMER",
  Staff: "STORE",
  Payment: "STORE"
}

/** What a failed payment means for its order. */
export const reasonOfFailure: Record<PaymentFailureReason, CancellationReason> = {
  NO_ACCOUNT: "NO_PAYMENT_ACCOUNT",
  INSUFFICIENT_FUNDS: "INSUFFICIENT_FUNDS",
  INTERNAL_ERROR: "PAYMENT_INTERNAL_ERROR"
}

/** Orders belong to customers; staff look at them. */
export const mayOrder = (caller: Caller): Result.Result<Caller & { readonly _tag: "Customer" }, Forbidden> =>
  caller._tag === "Customer"
    ? Result.succeed(caller)
    : Result.fail(new Forbidden({ detail: "Only customers have orders of their own; use the staff calls." }))

export const mayMove = (caller: Caller): Result.Result<void, Forbidden> =>
  movers[caller._tag].length > 0
    ? Result.void
    : Result.fail(new Forbidden({ detail: "Only staff change the status of an order." }))

export const maySeeAll = (caller: Caller): Result.Result<void, Forbidden> =>
  caller._tag === "Staff" ? Result.void : Result.fail(new Forbidden({ detail: "Only staff see everybody's orders." }))

export const mayCancel = (caller: Caller, reason: CancellationReason): Result.Result<void, Forbidden> =>
  reasons[caller._tag].includes(reason)
    ? Result.void
    : Result.fail(
      new Forbidden({
        detail: caller._tag === "Staff"
          ? `Staff do not cancel with ${reason}; use the staff call.`
          : `Customers do not cancel with ${reason}.`
      })
    )

export const canSee = (order: Order, caller: Caller): Result.Result<void, Forbidden> =>
  caller._tag === "Customer" && caller.userId !== order.userId
    ? Result.fail(new Forbidden({ detail: `Order ${order.id} is somebody else's.` }))
    : Result.void

/** Holds a change back unless the order is at one of the versions that the caller accepts; undefined accepts any. */
export const isAt = (
  { version }: Order,
  expected: ReadonlyArray<number> | undefined
): Result.Result<void, VersionMismatch> =>
  expected === undefined || expected.includes(version)
    ? Result.void
    : Result.fail(
      new VersionMismatch({
        currentVersion: version,
        detail: `The order is at version ${version}, which If-Match does not name. Read it again.`
      })
    )

export const canMove = (order: Order, caller: Caller, to: OrderStatus): Result.Result<void, TransitionNotAllowed> =>
  movers[caller._tag].includes(to)
    ? canFollow(order, to)
    : refuse(order, to, `${to} is not set by hand: staff move orders to ${movers.Staff.join(", ")}.`)

export const canCancel = (order: Order): Result.Result<void, TransitionNotAllowed> => canFollow(order, "CANCELLED")

const canFollow = (order: Order, to: OrderStatus): Result.Result<void, TransitionNotAllowed> => {
  const next = successors[order.status]
  return next.includes(to)
    ? Result.void
    : refuse(order, to, next.length === 0 ? "That is final." : `It may become ${next.join(" or ")}.`)
}

const refuse = ({ status: from }: Order, to: OrderStatus, why: string) =>
  Result.fail(new TransitionNotAllowed({ from, to, detail: `The order is ${from} and cannot become ${to}. ${why}` }))
