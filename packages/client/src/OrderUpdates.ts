import type { OrderUpdate as Decoded, SocketErrorCode } from "@g-store/contracts/Socket.ts"
import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { Connection, type ConnectionOptions, type ConnectionState, type Incoming, type Outgoing } from "./Connection.ts"

/** One change of an order, as it comes over the socket: times are RFC 3339 text. */
export type OrderUpdate = Extract<Incoming, { readonly type: Decoded["type"] }>

/** What to follow: one order, all of the caller's own, or (staff) everybody's. */
export type Target =
  | { readonly orderId: string; readonly afterVersion?: number | undefined }
  | { readonly scope: "mine" | "all"; readonly versions?: Readonly<Record<string, number>> | undefined }

/** Where an order stands, told when a subscription begins and again after each reconnect. */
export interface Snapshot {
  readonly orderId: string
  readonly status: OrderStatus
  readonly version: number
  /** False when updates before this snapshot are no longer kept: what was missed can only be read from the order. */
  readonly resumed: boolean
}

export interface Refusal {
  readonly code: SocketErrorCode
  readonly message: string
}

export interface Listener {
  /** Every version after the snapshot, once each and in order, through reconnects. */
  readonly onUpdate: (update: OrderUpdate) => void
  readonly onSnapshot?: ((orders: ReadonlyArray<Snapshot>) => void) | undefined
  /** The server refused the subscription; it is gone. */
  readonly onRefused?: ((refusal: Refusal) => void) | undefined
}

export interface OrderUpdatesOptions extends Pick<ConnectionOptions, "url" | "token" | "connect" | "delays"> {
  readonly onState?: ((state: ConnectionState, reason: string | undefined) => void) | undefined
}

/** How many orders a scope can resume by name: the server's limit. */
const RESUMABLE = 200

interface Subscription {
  readonly target: Target
  readonly listener: Listener
  /** The last version of each order that the listener has seen, oldest order first. */
  readonly seen: Map<string, number>
}

const keyOf = (target: Target): string => "orderId" in target ? target.orderId.toLowerCase() : target.scope

/**
 * Order updates over one WebSocket that never gives up: it reconnects, authenticates with a fresh token and resumes every
 * subscription where its listener is. Works in browsers and in Node.
 */
export class OrderUpdates {
  private readonly subscriptions = new Map<string, Subscription>()
  private readonly connection: Connection

  constructor(options: OrderUpdatesOptions) {
    this.connection = new Connection({
      ...options,
      onState: (state, reason) => options.onState?.(state, reason),
      onReady: () => this.subscriptions.forEach((subscription) => this.ask(subscription)),
      onFrame: (frame) => this.take(frame)
    })
  }

  /** Begins to follow; the function given back ends it. A target is followed once: a second listener takes its place. */
  subscribe(target: Target, listener: Listener): () => void {
    const seen = new Map<string, number>(
      "orderId" in target
        ? target.afterVersion === undefined ? [] : [[keyOf(target), target.afterVersion]]
        : Object.entries(target.versions ?? {})
    )
    const subscription: Subscription = { target, listener, seen }
    const key = keyOf(target)
    this.subscriptions.set(key, subscription)
    this.ask(subscription)
    return () => {
      if (this.subscriptions.get(key) !== subscription) return
      this.subscriptions.delete(key)
      this.connection.send(
        "orderId" in target ? { type: "unsubscribe", orderId: key } : { type: "unsubscribe", scope: target.scope }
      )
    }
  }

  /** The same as an endless iterator; leaving the loop ends the subscription. A refusal is thrown. */
  async *updates(target: Target): AsyncGenerator<OrderUpdate, never, undefined> {
    const waiting: Array<OrderUpdate> = []
    let refusal: Refusal | undefined
    let wake = () => {}
    const stop = this.subscribe(target, {
      onUpdate: (update) => {
        waiting.push(update)
        wake()
      },
      onRefused: (refused) => {
        refusal = refused
        wake()
      }
    })
    try {
      for (;;) {
        const next = waiting.shift()
        if (next !== undefined) yield next
        else if (refusal !== undefined) throw new SubscriptionRefused(refusal)
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      stop()
    }
  }

  /** Ends everything for good. */
  close(): void {
    this.subscriptions.clear()
    this.connection.close()
  }

  private ask({ seen, target }: Subscription): void {
    this.connection.send(subscribeFrame(target, seen))
  }

  private take(frame: Incoming): void {
    switch (frame.type) {
      case "order.status.changed":
      case "order.cancelled":
        for (const subscription of this.subscriptions.values()) deliver(subscription, frame)
        return
      case "subscribed":
        return this.begin(frame)
      case "error": {
        const key = frame.data.orderId ?? frame.data.scope
        const refused = key === undefined ? undefined : this.subscriptions.get(key)
        if (key === undefined || refused === undefined) return
        this.subscriptions.delete(key)
        return refused.listener.onRefused?.(frame.data)
      }
    }
  }

  private begin(frame: Extract<Incoming, { readonly type: "subscribed" }>): void {
    const subscription = this.subscriptions.get("orderId" in frame.data ? frame.data.orderId : frame.data.scope)
    if (subscription === undefined) return
    const lost = "orderId" in frame.data && frame.data.resumed === false
    const orders = "orderId" in frame.data ? [frame.data] : frame.data.orders
    for (const { orderId, version } of orders) {
      // What was seen before is behind the snapshot and is sent again from there, unless it is lost.
      if (lost || !subscription.seen.has(orderId)) remember(subscription.seen, orderId, version)
    }
    subscription.listener.onSnapshot?.(orders.map(({ orderId, status, version }) => ({ orderId, status, version, resumed: !lost })))
  }
}

/** The server will not let this caller follow that. */
export class SubscriptionRefused extends Error {
  readonly code: SocketErrorCode
  constructor({ code, message }: Refusal) {
    super(message)
    this.name = "SubscriptionRefused"
    this.code = code
  }
}

const subscribeFrame = (target: Target, seen: ReadonlyMap<string, number>): Outgoing => {
  if ("orderId" in target) {
    const after = seen.get(keyOf(target))
    return { type: "subscribe", orderId: keyOf(target), ...(after === undefined ? {} : { afterVersion: after }) }
  }
  const newest = [...seen].slice(-RESUMABLE)
  return { type: "subscribe", scope: target.scope, ...(newest.length === 0 ? {} : { versions: Object.fromEntries(newest) }) }
}

const remember = (seen: Map<string, number>, orderId: string, version: number): void => {
  seen.delete(orderId)
  seen.set(orderId, version)
}

const deliver = ({ listener, seen, target }: Subscription, update: OrderUpdate): void => {
  const { orderId, version } = update.data
  if ("orderId" in target && keyOf(target) !== orderId) return
  const last = seen.get(orderId)
  if (last !== undefined && version <= last) return
  remember(seen, orderId, version)
  listener.onUpdate(update)
}
