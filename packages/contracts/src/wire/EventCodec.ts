import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { timestampFromMs } from "@bufbuild/protobuf/wkt"
import { DateTime, Result } from "effect"
import type { OrderEvent } from "../OrderEvents.ts"
import type { PaymentEvent } from "../PaymentEvents.ts"
import * as Field from "./Field.ts"
import * as Wire from "./gen/gstore/v1/events_pb.ts"

/** An event as it goes into an outbox: `eventType` becomes the header `event_type`, `payload` the message's value. */
export interface EncodedEvent {
  readonly eventType: string
  readonly payload: Uint8Array
}

/** Total: every event has a form on the wire. An absent version stays away, as with systems that know none. */
export const encodeEvent = (event: OrderEvent | PaymentEvent): EncodedEvent => ({
  eventType: event._tag,
  payload: encode(event)
})

const encode = (event: OrderEvent | PaymentEvent): Uint8Array => {
  const { orderId, userId } = event
  const at = timestampFromMs(DateTime.toEpochMillis(event.occurredAt))
  switch (event._tag) {
    case "OrderCreated": {
      const amount = BigInt(event.amount)
      const version = BigInt(event.version ?? 0)
      return toBinary(
        Wire.OrderCreatedSchema,
        create(Wire.OrderCreatedSchema, { orderId, userId, amount, createdAt: at, version })
      )
    }
    case "OrderStatusChanged": {
      const status = Wire.OrderStatus[event.status]
      const version = BigInt(event.version ?? 0)
      return toBinary(
        Wire.OrderStatusChangedSchema,
        create(Wire.OrderStatusChangedSchema, { orderId, userId, status, createdAt: at, version })
      )
    }
    case "OrderCancelled": {
      const cancellationReason = Wire.CancellationReason[event.reason]
      const cancelSource = Wire.CancelSource[event.source]
      const version = BigInt(event.version ?? 0)
      return toBinary(
        Wire.OrderCancelledSchema,
        create(Wire.OrderCancelledSchema, {
          orderId,
          userId,
          cancellationReason,
          cancelSource,
          occurredAt: at,
          version
        })
      )
    }
    case "PaymentProcessed": {
      const amount = BigInt(event.amount)
      const status = Wire.PaymentStatus[event.status]
      const reason = event.failureReason === undefined
        ? {}
        : { paymentFailureReason: Wire.PaymentFailureReason[event.failureReason] }
      return toBinary(
        Wire.PaymentProcessedSchema,
        create(Wire.PaymentProcessedSchema, { orderId, userId, amount, status, ...reason, occurredAt: at })
      )
    }
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
