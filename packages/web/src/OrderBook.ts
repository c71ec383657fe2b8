import type { OrderUpdate } from "@g-store/client/OrderUpdates.ts"
import type { OrderView } from "@g-store/client/StoreApi.ts"
import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { computed, signal } from "@preact/signals"

/** The steps of an order that goes well, in order. */
export const STEPS: ReadonlyArray<OrderStatus> = ["PENDING", "PAID", "ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"]

export const isFinal = (status: OrderStatus): boolean => status === "ISSUED" || status === "CANCELLED"

/** How an update leaves its order. */
export const statusOf = (update: OrderUpdate): OrderStatus =>
  update.type === "order.cancelled" ? "CANCELLED" : update.data.status

export const shortId = (id: string): string => id.slice(-8)

/**
 * The orders that a page knows. Answers of the API and updates of the socket come in any order: of an order the higher
 * version wins.
 */
export class OrderBook {
  private readonly known = signal<ReadonlyMap<string, OrderView>>(new Map())
  /** The newest first. */
  readonly orders = computed(() =>
    [...this.known.value.values()].toSorted((a, b) => newestFirst(a.createdAt, b.createdAt) || newestFirst(a.id, b.id))
  )

  put(orders: ReadonlyArray<OrderView>): void {
    const next = new Map(this.known.value)
    for (const order of orders) {
      if (order.version >= (next.get(order.id)?.version ?? 0)) next.set(order.id, order)
    }
    this.known.value = next
  }

  /** False when the order is not known: it must be read first. */
  apply(update: OrderUpdate): boolean {
    const order = this.known.value.get(update.data.orderId)
    if (order === undefined) return false
    if (update.data.version > order.version) {
      this.put([{
        ...order,
        status: statusOf(update),
        version: update.data.version,
        updatedAt: update.data.occurredAt,
        ...(update.type === "order.cancelled" ? { cancellationReason: update.data.reason } : {})
      }])
    }
    return true
  }

  /** Whether the order is known at this version or a later one. */
  has(orderId: string, version: number): boolean {
    return (this.known.peek().get(orderId)?.version ?? 0) >= version
  }

  /** For resuming the live updates. */
  versions(): Record<string, number> {
    return Object.fromEntries(this.orders.peek().slice(0, 200).map(({ id, version }) => [id, version]))
  }

  /** Forgets all but the newest orders that are over: a board may stay open for days. */
  forget(keep: number): void {
    const over = this.orders.peek().filter(({ status }) => isFinal(status)).slice(keep)
    if (over.length === 0) return
    const next = new Map(this.known.value)
    for (const { id } of over) next.delete(id)
    this.known.value = next
  }
}

const newestFirst = (a: string, b: string): number => a < b ? 1 : a > b ? -1 : 0
