import { ORDER_EVENTS, type OrderEvent } from "@g-store/contracts/OrderEvents.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import type { Consumer, Decoded } from "@g-store/messaging/Consumer.ts"
import { EVENT_TYPE, type IncomingMessage } from "@g-store/messaging/Message.ts"
import { Effect, Result } from "effect"
import { Feed, type FeedEvent } from "./Feed.ts"

/** Identity of this service's consumer in the inbox; never changes. */
export const ORDERS_CONSUMER = "g-store.order-notification-service"

const toFeed = (event: OrderEvent): FeedEvent => {
  const { occurredAt, orderId, userId, version } = event
  const common = { orderId, userId, occurredAt, version }
  switch (event._tag) {
    case "OrderCreated":
      return { ...common, status: "PENDING" }
    case "OrderStatusChanged":
      return { ...common, status: event.status }
    case "OrderCancelled":
      return { ...common, status: "CANCELLED", reason: event.reason, source: event.source }
  }
}

const decode = ({ headers, payload }: IncomingMessage): Decoded<FeedEvent> =>
  Result.map(
    decodeEvent(headers[EVENT_TYPE], payload),
    (event) => event === undefined || event._tag === "PaymentProcessed" ? undefined : toFeed(event)
  )

/** What an order event says, read once however often it is asked: for the feed, and for the sockets. Build one per Layer. */
export const makeDecodeOrderEvent = () => {
  const known = new WeakMap<IncomingMessage, Decoded<FeedEvent>>()
  return (message: IncomingMessage): Decoded<FeedEvent> => {
    let decoded = known.get(message)
    if (decoded === undefined) known.set(message, decoded = decode(message))
    return decoded
  }
}
export type DecodeOrderEvent = ReturnType<typeof makeDecodeOrderEvent>

/**
 * Every order event, into the feed. All replicas take all of them, each through a group of its own, and share this one
 * inbox: the first to mark a message stores it, the others find it stored.
 */
export const makeOrdersConsumer = (decodeOrderEvent: DecodeOrderEvent) =>
  Effect.map(Feed, (feed): Consumer<FeedEvent> => ({
    name: ORDERS_CONSUMER,
    topics: [ORDER_EVENTS],
    decode: decodeOrderEvent,
    handle: (messages) => feed.append(messages.map((message) => message.value))
  }))
