import type { OrderStatus } from "@g-store/contracts/Order.ts"
import type { OrderUpdate as Decoded, SocketErrorCode } from "@g-store/contracts/Socket.ts"
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
  /** Nothing will ever come again: closed by the application, or (4403) the socket is somebody else's. */
  readonly onClosed?: ((reason: string | undefined) => void) | undefined
}

export interface OrderUpdatesOptions
  extends Pick<ConnectionOptions, "url" | "token" | "connect" | "delays" | "surroundings">
{
  readonly onState?: ((state: ConnectionState, reason: string | undefined) => void) | undefined
}

/** How many orders a scope can resume by name: the server's limit. */
const RESUMABLE = 200
/** How many orders a scope remembers: what a long life of the page would otherwise pile up is of no use to resume. */
const REMEMBERED = 2_000

interface Subscription {
  readonly target: Target
  readonly listener: Listener
  /** The last version of each order that the listener has seen, oldest order first. */
  readonly seen: Map<string, number>
  /** The server has answered on this connection. What comes earlier is meant for another subscription. */
  begun: boolean
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const keyOf = (target: Target): string => "orderId" in target ? target.orderId.toLowerCase() : target.scope

/**
 * Order updates over one WebSocket that never gives up: it reconnects, authenticates with a fresh token and resumes every
 * subscription where its listener is. Works in browsers and in Node.
 */
export class OrderUpdates {
  private readonly subscriptions = new Map<string, Subscription>()
  /** How many `unsubscribed` are still to come for a target: until then, answers are meant for who followed it before. */
  private readonly leaving = new Map<string, number>()
  private readonly connection: Connection
  private ended: { readonly reason: string | undefined } | undefined

  constructor(options: OrderUpdatesOptions) {
    this.connection = new Connection({
      ...options,
      onState: (state, reason) => {
        options.onState?.(state, reason)
        if (state === "closed") this.end(reason)
      },
      onReady: () => {
        this.leaving.clear()
        this.subscriptions.forEach((subscription) => this.ask(subscription))
      },
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
    const subscription: Subscription = { target, listener, seen, begun: false }
    const key = keyOf(target)
    if (this.ended !== undefined) {
      listener.onClosed?.(this.ended.reason)
      return () => {}
    }
    if ("orderId" in target && !uuid.test(target.orderId)) {
      listener.onRefused?.({ code: "INVALID", message: `${target.orderId} is no order id: those are UUIDs.` })
      return () => {}
    }
    // The server goes on where it was with who followed this before; the new listener may want more.
    const before = this.subscriptions.get(key)
    if (before !== undefined) this.leave(key, before)
    this.subscriptions.set(key, subscription)
    this.ask(subscription)
    return () => {
      if (this.subscriptions.get(key) === subscription) this.leave(key, subscription)
    }
  }

  /**
   * The same as an iterator; leaving the loop ends the subscription. A refusal is thrown; it ends by itself when the
   * connection is closed for good.
   */
  async *updates(target: Target): AsyncGenerator<OrderUpdate, void, undefined> {
    const waiting: Array<OrderUpdate> = []
    let refusal: Refusal | undefined
    let isClosed = false
    let wake = () => {}
    const stop = this.subscribe(target, {
      onUpdate: (update) => {
        waiting.push(update)
        wake()
      },
      onRefused: (refused) => {
        refusal = refused
        wake()
      },
      onClosed: () => {
        isClosed = true
        wake()
      }
    })
    try {
      for (;;) {
        const next = waiting.shift()
        if (next !== undefined) yield next
        else if (refusal !== undefined) throw new SubscriptionRefused(refusal)
        else if (isClosed) return
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      stop()
    }
  }

  /** Ends everything for good. */
  close(): void {
    this.connection.close()
  }

  private end(reason: string | undefined): void {
    this.ended = { reason }
    const subscriptions = [...this.subscriptions.values()]
    this.subscriptions.clear()
    for (const { listener } of subscriptions) listener.onClosed?.(reason)
  }

  private leave(key: string, { target }: Subscription): void {
    this.subscriptions.delete(key)
    const said = this.connection.send(
      "orderId" in target ? { type: "unsubscribe", orderId: key } : { type: "unsubscribe", scope: target.scope }
    )
    if (said) this.leaving.set(key, (this.leaving.get(key) ?? 0) + 1)
  }

  private ask(subscription: Subscription): void {
    subscription.begun = false
    // Orders beyond what can be resumed begin anew with the snapshot.
    forgetAllBut(subscription.seen, RESUMABLE)
    this.connection.send(subscribeFrame(subscription.target, subscription.seen))
  }

  private take(frame: Incoming): void {
    switch (frame.type) {
      case "order.status.changed":
      case "order.cancelled":
        for (const subscription of this.subscriptions.values()) deliver(subscription, frame)
        return
      case "subscribed":
        return this.begin(frame)
      case "unsubscribed": {
        const key = frame.data.orderId ?? frame.data.scope ?? ""
        const left = (this.leaving.get(key) ?? 0) - 1
        if (left > 0) this.leaving.set(key, left)
        else this.leaving.delete(key)
        return
      }
      case "error": {
        const key = frame.data.orderId ?? frame.data.scope
        const refused = key === undefined || this.leaving.has(key) ? undefined : this.subscriptions.get(key)
        if (key === undefined || refused === undefined) return
        this.subscriptions.delete(key)
        return refused.listener.onRefused?.(frame.data)
      }
    }
  }

  private begin(frame: Extract<Incoming, { readonly type: "subscribed" }>): void {
    const key = "orderId" in frame.data ? frame.data.orderId : frame.data.scope
    const subscription = this.leaving.has(key) ? undefined : this.subscriptions.get(key)
    if (subscription === undefined) return
    subscription.begun = true
    const orders = "orderId" in frame.data ? [frame.data] : frame.data.orders
    const shown = orders.map(({ orderId, resumed = true, status, version }) => ({ orderId, status, version, resumed }))
    for (const { orderId, resumed, version } of shown) {
      // What was seen before is behind the snapshot and is sent again from there, unless it is lost.
      if (!resumed || !subscription.seen.has(orderId)) remember(subscription.seen, orderId, version)
    }
    subscription.listener.onSnapshot?.(shown)
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
  return { type: "subscribe", scope: target.scope, ...(seen.size === 0 ? {} : { versions: Object.fromEntries(seen) }) }
}

const remember = (seen: Map<string, number>, orderId: string, version: number): void => {
  seen.delete(orderId)
  seen.set(orderId, version)
  forgetAllBut(seen, REMEMBERED)
}

/** Keeps the newest entries. */
const forgetAllBut = (seen: Map<string, number>, count: number): void => {
  for (const orderId of seen.keys()) {
    if (seen.size <= count) return
    seen.delete(orderId)
  }
}

const deliver = ({ begun, listener, seen, target }: Subscription, update: OrderUpdate): void => {
  if (!begun) return
  const { orderId, version } = update.data
  if ("orderId" in target && keyOf(target) !== orderId) return
  const last = seen.get(orderId)
  if (last !== undefined && version <= last) return
  remember(seen, orderId, version)
  listener.onUpdate(update)
}
