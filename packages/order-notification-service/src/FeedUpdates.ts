import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import type { FeedEvent } from "./Feed.ts"

/** A stored event as subscribers get it. */
export const toUpdate = (
  { occurredAt, orderId, reason, source, status, version }: Omit<FeedEvent, "userId" | "version"> & {
    readonly version: number
  }
): OrderUpdate =>
  status === "CANCELLED" && reason !== undefined && source !== undefined
    ? { type: "order.cancelled", data: { orderId, reason, source, version, occurredAt } }
    : { type: "order.status.changed", data: { orderId, status, version, occurredAt } }

/** Gives events without a version the next ones of their orders, counting from the last that is known. */
export const numbered = (
  events: ReadonlyArray<FeedEvent>,
  last: ReadonlyMap<OrderId, number>
): ReadonlyArray<FeedEvent & { readonly version: number }> => {
  const counted = new Map(last)
  return events.map((event) => {
    const version = event.version ?? (counted.get(event.orderId) ?? 0) + 1
    counted.set(event.orderId, Math.max(version, counted.get(event.orderId) ?? 0))
    return { ...event, version }
  })
}
