import { ORDER_EVENTS, OrderCancelled, OrderCreated, OrderStatusChanged } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS, PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import * as Socket from "@g-store/contracts/Socket.ts"
import { CONTENT_TYPE, EVENT_TYPE, MESSAGE_ID, TRACEPARENT } from "@g-store/messaging/Message.ts"
import { type JsonSchema, Schema } from "effect"

interface Reference {
  readonly $ref: string
}
interface Message {
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly contentType: string
  readonly headers?: JsonSchema.JsonSchema
  readonly payload: Reference
  readonly bindings?: object
}
interface Channel {
  readonly address: string
  readonly title: string
  readonly description: string
  readonly servers: ReadonlyArray<Reference>
  readonly messages: Readonly<Record<string, Reference>>
  readonly bindings: object
}
interface Operation {
  /** From the store's side: what it sends, what it receives. */
  readonly action: "send" | "receive"
  readonly channel: Reference
  readonly summary: string
  readonly messages: ReadonlyArray<Reference>
}

/** As much of an AsyncAPI 3 document as this one has. */
export interface AsyncApiDocument {
  readonly asyncapi: "3.0.0"
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly defaultContentType: string
  readonly servers: Readonly<Record<string, object>>
  readonly channels: Readonly<Record<string, Channel>>
  readonly operations: Readonly<Record<string, Operation>>
  readonly components: {
    readonly messages: Readonly<Record<string, Message>>
    readonly schemas: Readonly<Record<string, JsonSchema.JsonSchema>>
  }
}

type Described = readonly [schema: Schema.Constraint, summary: string]

const clientFrames: Readonly<Record<string, Described>> = {
  Authenticate: [
    Socket.Authenticate,
    "Says who the client is: first, within 10 seconds, and again, for the same user, before the token expires"
  ],
  SubscribeOrder: [Socket.SubscribeOrder, "Follows one order; with afterVersion from the version behind that one"],
  SubscribeScope: [Socket.SubscribeScope, "Follows all orders of the user, or (staff) of everybody"],
  UnsubscribeOrder: [Socket.UnsubscribeOrder, "Follows the order no more"],
  UnsubscribeScope: [Socket.UnsubscribeScope, "Follows the scope no more"],
  Ping: [Socket.Ping, "Asks for a pong"]
}

const serverFrames: Readonly<Record<string, Described>> = {
  Authenticated: [Socket.Authenticated, "The token holds"],
  SubscribedOrder: [Socket.SubscribedOrder, "Where the order stands; its events follow"],
  SubscribedScope: [Socket.SubscribedScope, "Where the 200 newest orders of the scope stand; their events follow"],
  OrderStatusChangedFrame: [Socket.OrderStatusChangedFrame, "A version of an order; the first is the one to PENDING"],
  OrderCancelledFrame: [Socket.OrderCancelledFrame, "The cancellation of an order"],
  Unsubscribed: [Socket.Unsubscribed, "Followed no more"],
  Pong: [Socket.Pong, "The answer to a ping"],
  SocketError: [Socket.SocketError, "What was asked is refused; the socket stays"]
}

const orderEvents: Readonly<Record<string, Described>> = {
  OrderCreated: [OrderCreated, "An order was accepted"],
  OrderStatusChanged: [OrderStatusChanged, "An order is a step further"],
  OrderCancelled: [OrderCancelled, "An order was cancelled"]
}

const paymentEvents: Readonly<Record<string, Described>> = {
  PaymentProcessed: [PaymentProcessed, "The payment of an order was decided"]
}

const closing = Object.entries(Socket.closeCodes).map(([name, code]) => `${code} ${name}`).join(", ")

const toSchema = (reference: string): string => `#/components/schemas/${reference}`

/** JSON Schema's own place for definitions is `$defs`; here they are components. */
const relocated = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(relocated)
  if (typeof node !== "object" || node === null) return node
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" ? value.replace("#/$defs/", toSchema("")) : relocated(value)
    ])
  )
}
const isSchema = (node: unknown): node is JsonSchema.JsonSchema => typeof node === "object" && node !== null

/** The schema of each message and of everything that it refers to. */
const schemasOf = (messages: Readonly<Record<string, Described>>): Record<string, JsonSchema.JsonSchema> => {
  const all: Record<string, JsonSchema.JsonSchema> = {}
  const add = (name: string, schema: unknown) => {
    const moved = relocated(schema)
    if (isSchema(moved)) all[name] ??= moved
  }
  for (const [name, [schema]] of Object.entries(messages)) {
    const document = Schema.toJsonSchemaDocument(schema)
    for (const [defined, definition] of Object.entries(document.definitions)) add(defined, definition)
    // A schema with an identifier is its own definition.
    add(name, document.schema)
  }
  return all
}

const frame = (name: string, [, summary]: Described): Message => ({
  name,
  title: name,
  summary,
  contentType: "application/json",
  payload: { $ref: toSchema(name) }
})

const event = (name: string, [, summary]: Described): Message => ({
  name,
  title: name,
  summary: `${summary}. On the wire protobuf, gstore.v1.${name} of events.proto; the schema says what is in it.`,
  contentType: "application/x-protobuf",
  headers: {
    type: "object",
    required: [EVENT_TYPE],
    properties: {
      [EVENT_TYPE]: { const: name },
      [MESSAGE_ID]: { type: "string", format: "uuid" },
      [CONTENT_TYPE]: { type: "string" },
      [TRACEPARENT]: { type: "string", description: "W3C trace context of the request that caused it" }
    }
  },
  payload: { $ref: toSchema(name) },
  bindings: { kafka: { key: { type: "string", format: "uuid", description: "The order's id" } } }
})

const mapped = <A, B>(record: Readonly<Record<string, A>>, f: (name: string, value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(name, value)]))

const inChannel = (messages: Readonly<Record<string, Described>>): Record<string, Reference> =>
  mapped(messages, (name) => ({ $ref: `#/components/messages/${name}` }))

const operation = (
  action: "send" | "receive",
  channel: string,
  summary: string,
  messages: Readonly<Record<string, Described>>
): Operation => ({
  action,
  channel: { $ref: `#/channels/${channel}` },
  summary,
  messages: Object.keys(messages).map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }))
})

const topic = (name: string, title: string, messages: Readonly<Record<string, Described>>): Channel => ({
  address: name,
  title,
  description: "Keyed by order id, so that an order's events keep their order.",
  servers: [{ $ref: "#/servers/kafka" }],
  messages: inChannel(messages),
  bindings: { kafka: { topic: name, partitions: 6 } }
})

/** What g-store says and hears over its socket and its topics, made from the schemas that it checks with. */
export const asyncApiDocument = (): AsyncApiDocument => ({
  asyncapi: "3.0.0",
  info: {
    title: "g-store events",
    version: "1.0.0",
    description: "Order updates over the WebSocket at /ws/orders/, and the topics that the services share."
  },
  defaultContentType: "application/json",
  servers: {
    gateway: { host: "127.0.0.1:8080", protocol: "ws", description: "The gateway" },
    kafka: {
      host: "{brokers}",
      protocol: "kafka",
      description: "KAFKA_BROKERS",
      variables: { brokers: { default: "kafka:9092", description: "One of the brokers" } }
    }
  },
  channels: {
    orders: {
      address: "/ws/orders/",
      title: "Order updates",
      description: "Text frames. Per order a client gets every version after the one that it named or was shown, once "
        + "each, in order, with no gap. Subscriptions that cover the same order share its frames; only where a new one "
        + "names a version from before what an older one was sent, what lies between comes again. "
        + `Subprotocols: ${Socket.SUBPROTOCOL}, and bearer.<token> to authenticate at once. `
        + `Close codes: ${closing}.`,
      servers: [{ $ref: "#/servers/gateway" }],
      messages: inChannel({ ...clientFrames, ...serverFrames }),
      bindings: { ws: { method: "GET" } }
    },
    orderEvents: topic(ORDER_EVENTS, "Order events", orderEvents),
    paymentEvents: topic(PAYMENT_EVENTS, "Payment events", paymentEvents)
  },
  operations: {
    hearClient: operation("receive", "orders", "What a client may say", clientFrames),
    tellClient: operation("send", "orders", "What a client is told", serverFrames),
    publishOrderEvents: operation("send", "orderEvents", "order-service publishes", orderEvents),
    publishPaymentEvents: operation("send", "paymentEvents", "payment-service publishes", paymentEvents)
  },
  components: {
    messages: {
      ...mapped({ ...clientFrames, ...serverFrames }, frame),
      ...mapped({ ...orderEvents, ...paymentEvents }, event)
    },
    schemas: schemasOf({ ...clientFrames, ...serverFrames, ...orderEvents, ...paymentEvents })
  }
})
