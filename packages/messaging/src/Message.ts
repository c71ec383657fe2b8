/** Header names that every message of ours carries. */
export const MESSAGE_ID = "message_id"
export const EVENT_TYPE = "event_type"
export const CONTENT_TYPE = "content-type"
export const TRACEPARENT = "traceparent"

/** A message as a service hands it to its outbox. */
export interface OutgoingMessage {
  /** UUID, fixed before the transaction, so that a repeated publish is recognised. */
  readonly id: string
  readonly topic: string
  /** Messages of one key leave, arrive and apply in order. */
  readonly key: string
  readonly eventType: string
  readonly payload: Uint8Array
  /** W3C trace context of the request that caused it. */
  readonly traceparent?: string | undefined
}

/** A message as it lies on a topic. */
export interface WireMessage {
  readonly topic: string
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** A message as a consumer receives it. `payload` is null for a foreign tombstone. */
export interface IncomingMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array | null
}

/** Where a message lies: its identity in an inbox when its producer gave none that can be used. */
export const placeOf = ({ offset, partition, topic }: IncomingMessage): string => `${topic}/${partition}/${offset}`

/** The message's identity in an inbox: its `message_id`, or where it lies when a foreign producer gave none, or a blank. */
export const messageId = (message: IncomingMessage): string => message.headers[MESSAGE_ID]?.trim() || placeOf(message)

/** How an outgoing message lies on its topic. */
export const toWire = (message: OutgoingMessage): WireMessage => ({
  topic: message.topic,
  key: message.key,
  headers: {
    [MESSAGE_ID]: message.id,
    [EVENT_TYPE]: message.eventType,
    [CONTENT_TYPE]: "application/x-protobuf",
    ...(message.traceparent === undefined ? {} : { [TRACEPARENT]: message.traceparent })
  },
  payload: message.payload
})
