import { Schema } from "effect"
import { OrderId } from "./Ids.ts"
import { CancellationReason, CancelSource, OrderStatus, OrderVersion, Timestamp } from "./Order.ts"

/** The subprotocol of `/ws/orders/`; a second one, `bearer.<token>`, authenticates at once. */
export const SUBPROTOCOL = "g-store.v1"

/** Version n of an order that is not a cancellation; version 1 is the change to PENDING. */
export const OrderStatusChangedFrame = Schema.Struct({
  type: Schema.tag("order.status.changed"),
  data: Schema.Struct({ orderId: OrderId, status: OrderStatus, version: OrderVersion, occurredAt: Timestamp })
}).annotate({ identifier: "OrderStatusChangedFrame" })

/** The cancellation of an order. */
export const OrderCancelledFrame = Schema.Struct({
  type: Schema.tag("order.cancelled"),
  data: Schema.Struct({
    orderId: OrderId,
    reason: CancellationReason,
    source: CancelSource,
    version: OrderVersion,
    occurredAt: Timestamp
  })
}).annotate({ identifier: "OrderCancelledFrame" })

/** What subscribers are told about an order: the same objects over the socket and over HTTP. */
export const OrderUpdate = Schema.Union([OrderStatusChangedFrame, OrderCancelledFrame])
export type OrderUpdate = typeof OrderUpdate.Type

const expected = `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`
const AfterVersion = Schema.Number.check(
  Schema.isInt({ expected }),
  Schema.isGreaterThanOrEqualTo(0, { expected })
)
const Scope = Schema.Literals(["mine", "all"])

export const Authenticate = Schema.Struct({ type: Schema.tag("authenticate"), token: Schema.String })
  .annotate({ identifier: "Authenticate" })
export const SubscribeOrder = Schema.Struct({
  type: Schema.tag("subscribe"),
  orderId: OrderId,
  afterVersion: Schema.optionalKey(AfterVersion)
}).annotate({ identifier: "SubscribeOrder" })
export const SubscribeScope = Schema.Struct({
  type: Schema.tag("subscribe"),
  scope: Scope,
  versions: Schema.optionalKey(Schema.Record(Schema.String, AfterVersion))
}).annotate({ identifier: "SubscribeScope" })
export const UnsubscribeOrder = Schema.Struct({ type: Schema.tag("unsubscribe"), orderId: OrderId })
  .annotate({ identifier: "UnsubscribeOrder" })
export const UnsubscribeScope = Schema.Struct({ type: Schema.tag("unsubscribe"), scope: Scope })
  .annotate({ identifier: "UnsubscribeScope" })
export const Ping = Schema.Struct({ type: Schema.tag("ping") }).annotate({ identifier: "Ping" })

/** Everything a client may say. */
export const ClientFrame = Schema.Union([
  Authenticate,
  SubscribeOrder,
  SubscribeScope,
  UnsubscribeOrder,
  UnsubscribeScope,
  Ping
])
export type ClientFrame = typeof ClientFrame.Type

export const Authenticated = Schema.Struct({ type: Schema.tag("authenticated") }).annotate({
  identifier: "Authenticated"
})
/** Where the order stands now. `resumed: false`: what came before `oldestVersion` is no longer kept. */
export const SubscribedOrder = Schema.Struct({
  type: Schema.tag("subscribed"),
  data: Schema.Struct({
    orderId: OrderId,
    status: OrderStatus,
    version: OrderVersion,
    oldestVersion: OrderVersion,
    resumed: Schema.optionalKey(Schema.Boolean)
  })
}).annotate({ identifier: "SubscribedOrder" })
/**
 * Where the newest orders of the scope stand now, at most 200. `resumed: false`: what came after the version that
 * `versions` named is no longer kept, so the order goes on from here; such orders are shown however old they are.
 */
export const SubscribedScope = Schema.Struct({
  type: Schema.tag("subscribed"),
  data: Schema.Struct({
    scope: Scope,
    orders: Schema.Array(
      Schema.Struct({
        orderId: OrderId,
        status: OrderStatus,
        version: OrderVersion,
        resumed: Schema.optionalKey(Schema.Boolean)
      })
    )
  })
}).annotate({ identifier: "SubscribedScope" })
export const Unsubscribed = Schema.Struct({
  type: Schema.tag("unsubscribed"),
  data: Schema.Struct({ orderId: Schema.optionalKey(OrderId), scope: Schema.optionalKey(Scope) })
}).annotate({ identifier: "Unsubscribed" })
export const Pong = Schema.Struct({ type: Schema.tag("pong") }).annotate({ identifier: "Pong" })
export const SocketErrorCode = Schema.Literals(["UNAUTHENTICATED", "FORBIDDEN", "ORDER_NOT_FOUND", "INVALID", "LIMIT"])
export type SocketErrorCode = typeof SocketErrorCode.Type
/** A refusal; the socket stays. */
export const SocketError = Schema.Struct({
  type: Schema.tag("error"),
  data: Schema.Struct({
    code: SocketErrorCode,
    message: Schema.String,
    orderId: Schema.optionalKey(OrderId),
    scope: Schema.optionalKey(Scope)
  })
}).annotate({ identifier: "SocketError" })

/** Everything the server may say. */
export const ServerFrame = Schema.Union([
  Authenticated,
  SubscribedOrder,
  SubscribedScope,
  OrderStatusChangedFrame,
  OrderCancelledFrame,
  Unsubscribed,
  Pong,
  SocketError
])
export type ServerFrame = typeof ServerFrame.Type

/** Why the server closes a socket. */
export const closeCodes = {
  goingAway: 1012,
  slowConsumer: 1013,
  frameTooLarge: 1009,
  unauthenticated: 4401,
  otherUser: 4403,
  noPong: 4408,
  tooManyMessages: 4429
} as const
