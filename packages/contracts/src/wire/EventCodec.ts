import { fromBinary } from "@bufbuild/protobuf"
import { DateTime, Result } from "effect"
import type { OrderEvent } from "../OrderEvents.ts"
import type { PaymentEvent } from "../PaymentEvents.ts"
import * as Field from "./Field.ts"
import * as Wire from "./gen/gstore/v1/events_pb.ts"
import { Writer } from "./Writer.ts"

/** An event as it goes into an outbox: `eventType` becomes the header `event_type`, `payload` the message's value. */
export interface EncodedEvent {
  readonly eventType: string
  readonly payload: Uint8Array
}

/**
 * Total: every event has a form on the wire. An absent version stays away, as with systems that know none. The field
 * numbers are those of events.proto; tests hold the two together.
 */
export const encodeEvent = (event: OrderEvent | PaymentEvent): EncodedEvent => ({
  eventType: event._tag,
  payload: encode(event)
})

const encode = (event: OrderEvent | PaymentEvent): Uint8Array => {
  const writer = new Writer().id(1, event.orderId).id(2, event.userId)
  const at = DateTime.toEpochMillis(event.occurredAt)
  switch (event._tag) {
    case "OrderCreated":
      return writer.number(3, event.amount).moment(4, at).number(15, event.version ?? 0).finish()
    case "OrderStatusChanged":
      return writer.number(3, Wire.OrderStatus[event.status]).moment(4, at).number(15, event.version ?? 0).finish()
    case "OrderCancelled":
      return writer
        .number(3, Wire.CancellationReason[event.reason])
        .number(4, Wire.CancelSource[event.source])
        .moment(5, at)
        .number(15, event.version ?? 0)
        .finish()
    case "PaymentProcessed":
      return writer
        .number(3, event.amount)
        .number(4, Wire.PaymentStatus[event.status])
        .number(5, event.failureReason === undefined ? 0 : Wire.PaymentFailureReason[event.failureReason])
        .moment(6, at)
        .finish()
  }
}

/**
 * Reads a message of any system on our topics. Success is the event, or undefined for a type that is none of ours (to
 * be skipped); failure is a sentence that names the field and what was found in it, for the dead letter.
 *
 * What other systems may leave open does not stop an event (Field.ts says what is taken instead): only what cannot be
 * acted upon fails, since the failure parks the order, and with a cancel its refund.
 */
export const decodeEvent = (
  eventType: string | undefined,
  payload: Uint8Array | null
): Result.Result<OrderEvent | PaymentEvent | undefined, string> => {
  if (eventType === undefined) return Result.fail("the header event_type is missing, so the payload cannot be read")
  const decode = decoders.get(eventType)
  if (decode === undefined) return Result.succeed(undefined)
  if (payload === null) return Result.fail(`${eventType}: the message has no payload (a tombstone?)`)
  return Result.try({
    try: () => decode(payload),
    catch: (cause) =>
      cause instanceof Field.Unreadable
        ? `${eventType}: ${cause.message}`
        : `${eventType}: the payload of ${payload.length} bytes is not protobuf of this type (${cause})`
  })
}

/** By `event_type`. Each throws Unreadable, or whatever protobuf throws at bytes that are none. */
const decoders: ReadonlyMap<string, (payload: Uint8Array) => OrderEvent | PaymentEvent> = new Map<
  string,
  (payload: Uint8Array) => OrderEvent | PaymentEvent
>([
  ["OrderCreated", (payload): OrderEvent => {
    const wire = fromBinary(Wire.OrderCreatedSchema, payload)
    return {
      _tag: "OrderCreated",
      orderId: Field.orderId(wire.orderId),
      userId: Field.userId(wire.userId),
      amount: Field.amount(wire.amount),
      occurredAt: Field.moment("created_at", wire.createdAt),
      ...Field.version(wire.version)
    }
  }],
  ["OrderStatusChanged", (payload): OrderEvent => {
    const wire = fromBinary(Wire.OrderStatusChangedSchema, payload)
    return {
      _tag: "OrderStatusChanged",
      orderId: Field.orderId(wire.orderId),
      userId: Field.userId(wire.userId),
      status: Field.orderStatus(wire.status),
      occurredAt: Field.moment("created_at", wire.createdAt),
      ...Field.version(wire.version)
    }
  }],
  ["OrderCancelled", (payload): OrderEvent => {
    const wire = fromBinary(Wire.OrderCancelledSchema, payload)
    return {
      _tag: "OrderCancelled",
      orderId: Field.orderId(wire.orderId),
      userId: Field.userId(wire.userId),
      ...Field.cancellation(wire.cancellationReason, wire.cancelSource),
      occurredAt: Field.moment("occurred_at", wire.occurredAt),
      ...Field.version(wire.version)
    }
  }],
  ["PaymentProcessed", (payload): PaymentEvent => {
    const wire = fromBinary(Wire.PaymentProcessedSchema, payload)
    return {
      _tag: "PaymentProcessed",
      orderId: Field.orderId(wire.orderId),
      userId: Field.userId(wire.userId),
      amount: Field.amount(wire.amount),
      status: Field.paymentStatus(wire.status),
      ...Field.failureReason(wire.status, wire.paymentFailureReason),
      occurredAt: Field.moment("occurred_at", wire.occurredAt)
    }
  }]
])
