import type { Caller } from "@g-store/contracts/Actor.ts"
import { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { DateTime } from "effect"
import type { FeedEvent } from "../src/Feed.ts"

export const ada = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10")
export const bob = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a20")

export const customer = (userId: UserId): Caller => ({ _tag: "Customer", userId })
export const staff: Caller = { _tag: "Staff", id: "staff-key" }

/** The n-th order, newer than all before it. */
export const orderId = (n: number) => OrderId.make(`0191f3a2-7b1c-7000-8000-${n.toString(16).padStart(12, "0")}`)

export const at = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
export const days = (count: number) => DateTime.add(at, { days: count })

const statuses = ["PENDING", "PAID", "ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const

/** What happened to the n-th order, ada's: its version says what. */
export const event = (n: number, version: number, change: Partial<FeedEvent> = {}): FeedEvent => ({
  orderId: orderId(n),
  userId: ada,
  status: statuses[version - 1] ?? "ISSUED",
  occurredAt: at,
  version,
  ...change
})

/** The same as another system says it, which knows no versions. */
export const foreign = (n: number, version: number, change: Partial<FeedEvent> = {}): FeedEvent =>
  event(n, version, { ...change, version: undefined })

export const cancelled = (n: number, version: number): FeedEvent =>
  event(n, version, { status: "CANCELLED", reason: "CHANGED_MIND", source: "CUSTOMER" })
