import { create, toBinary } from "@bufbuild/protobuf"
import { timestampFromMs } from "@bufbuild/protobuf/wkt"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Result, Schema } from "effect"
import { Amount } from "../src/Amount.ts"
import { OrderId, UserId } from "../src/Ids.ts"
import { OrderCancelled, OrderCreated, type OrderEvent, OrderStatusChanged } from "../src/OrderEvents.ts"
import { type PaymentEvent, PaymentProcessed } from "../src/PaymentEvents.ts"
import { decodeEvent, encodeEvent } from "../src/wire/EventCodec.ts"
import * as Wire from "../src/wire/gen/gstore/v1/events_pb.ts"

/** Protobuf by hand, from the field numbers that the interface names: nothing generated may hide a changed one. */
const varint = (value: bigint | number): Array<number> => {
  const rest = BigInt.asUintN(64, BigInt(value))
  return rest < 0x80n ? [Number(rest)] : [Number(rest & 0x7fn) | 0x80, ...varint(rest >> 7n)]
}
const number = (field: number, value: bigint | number) => [...varint(field << 3), ...varint(value)]
const bytes = (field: number, content: ReadonlyArray<number>) => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content
]
const text = (field: number, content: string) => bytes(field, Array.from(new TextEncoder().encode(content)))
const moment = (field: number, seconds: bigint | number, nanos = 0) =>
  bytes(field, [...number(1, seconds), ...(nanos === 0 ? [] : number(2, nanos))])
const message = (...fields: ReadonlyArray<ReadonlyArray<number>>) => Uint8Array.from(fields.flat())

const orderId = OrderId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10")
const userId = UserId.make("5f64ad0c-3c5f-4b6e-9a3a-5f64ad0c3c5f")
const ids = [text(1, orderId), text(2, userId)] as const
/** 2023-11-14T22:13:20.123Z */
const at = DateTime.makeUnsafe(1_700_000_000_123)
const time = [1_700_000_000, 123_000_000] as const
const amount = Amount.make(1_500)

const golden: ReadonlyArray<readonly [OrderEvent | PaymentEvent, Uint8Array]> = [
  [
    { _tag: "OrderCreated", orderId, userId, amount, occurredAt: at, version: 1 },
    message(...ids, number(3, 1_500), moment(4, ...time), number(15, 1))
  ],
  [
    { _tag: "OrderCreated", orderId, userId, amount: Amount.make(1_000_000_000_000), occurredAt: at },
    message(...ids, number(3, 1_000_000_000_000), moment(4, ...time))
  ],
  ...(["PENDING", "PAID", "CANCELLED", "ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const).map(
    (status, index) =>
      [
        { _tag: "OrderStatusChanged", orderId, userId, status, occurredAt: at, version: 300 },
        message(...ids, number(3, index + 1), moment(4, ...time), number(15, 300))
      ] as const
  ),
  ...([
    "NO_PAYMENT_ACCOUNT",
    "INSUFFICIENT_FUNDS",
    "PAYMENT_INTERNAL_ERROR",
    "OUT_OF_STOCK",
    "DELIVERY_UNAVAILABLE",
    "CHANGED_MIND"
  ] as const).map((reason, index) =>
    [
      { _tag: "OrderCancelled", orderId, userId, reason, source: "STORE", occurredAt: at, version: 2 },
      message(...ids, number(3, index + 1), number(4, 1), moment(5, ...time), number(15, 2))
    ] as const
  ),
  [
    { _tag: "OrderCancelled", orderId, userId, reason: "CHANGED_MIND", source: "CUSTOMER", occurredAt: at },
    message(...ids, number(3, 6), number(4, 2), moment(5, ...time))
  ],
  [
    { _tag: "PaymentProcessed", orderId, userId, amount, status: "SUCCESS", occurredAt: at },
    message(...ids, number(3, 1_500), number(4, 1), moment(6, ...time))
  ],
  ...(["NO_ACCOUNT", "INSUFFICIENT_FUNDS", "INTERNAL_ERROR"] as const).map((failureReason, index) =>
    [
      { _tag: "PaymentProcessed", orderId, userId, amount, status: "FAILED", failureReason, occurredAt: at },
      message(...ids, number(3, 1_500), number(4, 2), number(5, index + 1), moment(6, ...time))
    ] as const
  )
]

const decoded = (eventType: string, payload: Uint8Array) => Result.getOrThrow(decodeEvent(eventType, payload))
const refusal = (eventType: string | undefined, payload: Uint8Array | null): string =>
  Result.match(decodeEvent(eventType, payload), {
    onFailure: (reason) => reason,
    onSuccess: (event) => `read as ${JSON.stringify(event)}`
  })

describe("the wire format", () => {
  it.each(golden)("is fixed byte for byte: %o", (event, payload) => {
    const encoded = encodeEvent(event)
    assert.strictEqual(encoded.eventType, event._tag)
    assert.deepStrictEqual(Array.from(encoded.payload), Array.from(payload))
    assert.deepStrictEqual(decoded(event._tag, payload), event)
  })

  const anyEvent = Schema.Union([OrderCreated, OrderStatusChanged, OrderCancelled, PaymentProcessed])
  const isSayable = (event: OrderEvent | PaymentEvent) => {
    const year = DateTime.toPartsUtc(event.occurredAt).year
    return year >= 1 && year <= 9999
  }

  it.prop("brings every event back as it was", [anyEvent], ([event]) => {
    if (!isSayable(event)) return
    const { eventType, payload } = encodeEvent(event)
    // A success has no reason to fail, whatever the event says.
    const { failureReason: _, ...success } = { failureReason: undefined, ...event }
    const expected = event._tag === "PaymentProcessed" && event.status === "SUCCESS" ? success : event
    assert.deepStrictEqual(decoded(eventType, payload), expected)
  })

  it.prop("is what the generated code writes", [OrderCreated], ([event]) => {
    if (!isSayable(event)) return
    const generated = toBinary(
      Wire.OrderCreatedSchema,
      create(Wire.OrderCreatedSchema, {
        orderId: event.orderId,
        userId: event.userId,
        amount: BigInt(event.amount),
        createdAt: timestampFromMs(DateTime.toEpochMillis(event.occurredAt)),
        version: BigInt(event.version ?? 0)
      })
    )
    assert.deepStrictEqual(encodeEvent(event).payload, generated)
  })
})

describe("what other systems may write", () => {
  const created = message(...ids, number(3, 1_500), moment(4, ...time))

  it("skips types of events that are none of ours", () => {
    assert.isUndefined(decoded("OrderShipped", created))
    assert.isUndefined(decoded("constructor", Uint8Array.from([0xff])))
  })

  it("reads ids in either case", () => {
    const payload = message(text(1, orderId.toUpperCase()), ids[1], number(3, 1_500), moment(4, ...time))
    assert.deepStrictEqual(decoded("OrderCreated", payload), decoded("OrderCreated", created))
  })

  it("passes over fields of newer versions", () => {
    const payload = message(...ids, number(3, 1_500), moment(4, ...time), text(77, "new"), number(78, 1))
    assert.deepStrictEqual(decoded("OrderCreated", payload), decoded("OrderCreated", created))
  })

  it("reads fields in any order, and of one that is repeated the last", () => {
    const payload = message(moment(4, ...time), number(3, 7), ids[1], number(3, 1_500), ids[0])
    assert.deepStrictEqual(decoded("OrderCreated", payload), decoded("OrderCreated", created))
  })

  it("reads a moment that is left out as 1970, since nothing about money hangs on it", () => {
    const event = decoded("OrderCreated", message(...ids, number(3, 1_500)))
    assert.deepStrictEqual(event?.occurredAt, DateTime.makeUnsafe(0))
  })

  it("reads moments before 1970, and cuts nanoseconds off", () => {
    const event = decoded("OrderCreated", message(...ids, number(3, 1_500), moment(4, -1, 999_999_999)))
    assert.deepStrictEqual(event?.occurredAt, DateTime.makeUnsafe(-1))
  })

  it("reads a failed payment without a known reason as one without a reason", () => {
    const failed = [...ids, number(3, 1_500), number(4, 2)] as const
    for (const reason of [[], number(5, 0), number(5, 99)]) {
      const event = decoded("PaymentProcessed", message(...failed, reason, moment(6, ...time)))
      assert.notProperty(event, "failureReason")
    }
  })

  const cancelled: ReadonlyArray<readonly [reason: number, source: number, as: string]> = [
    [6, 0, "CHANGED_MIND CUSTOMER"],
    [4, 0, "OUT_OF_STOCK STORE"],
    [4, 9, "OUT_OF_STOCK STORE"],
    [0, 2, "CHANGED_MIND CUSTOMER"],
    [0, 1, "PAYMENT_INTERNAL_ERROR STORE"],
    [99, 1, "PAYMENT_INTERNAL_ERROR STORE"],
    [0, 0, "PAYMENT_INTERNAL_ERROR STORE"]
  ]
  it.each(cancelled)(
    "takes a cancellation for reason %i by source %i as %s, so that the money comes back",
    (reason, source, as) => {
      const event = decoded("OrderCancelled", message(...ids, number(3, reason), number(4, source), moment(5, ...time)))
      assert.strictEqual(event?._tag === "OrderCancelled" ? `${event.reason} ${event.source}` : "", as)
    }
  )
})

describe("what cannot be acted upon", () => {
  const refused: ReadonlyArray<readonly [eventType: string | undefined, payload: Uint8Array | null, reason: string]> = [
    [undefined, message(...ids), "the header event_type is missing, so the payload cannot be read"],
    ["OrderCreated", null, "OrderCreated: the message has no payload (a tombstone?)"],
    ["OrderCreated", Uint8Array.from([]), "OrderCreated: order_id is \"\", not a UUID"],
    ["OrderCreated", message(text(1, "42"), ids[1], number(3, 1)), "OrderCreated: order_id is \"42\", not a UUID"],
    ["OrderCreated", message(ids[0], number(3, 1)), "OrderCreated: user_id is \"\", not a UUID"],
    ["OrderCreated", message(...ids), "OrderCreated: amount is 0, not between 1 and 1000000000000"],
    ["OrderCreated", message(...ids, number(3, -5)), "OrderCreated: amount is -5, not between 1 and 1000000000000"],
    [
      "OrderCreated",
      message(...ids, number(3, 1_000_000_000_001)),
      "OrderCreated: amount is 1000000000001, not between 1 and 1000000000000"
    ],
    [
      "OrderCreated",
      message(...ids, number(3, 1), moment(4, 253_402_300_800n)),
      "OrderCreated: created_at is 253402300800 s and 0 ns from 1970, which is no date between years 1 and 9999"
    ],
    [
      "OrderCancelled",
      message(...ids, moment(5, 0, -1)),
      "OrderCancelled: occurred_at is 0 s and -1 ns from 1970, which is no date between years 1 and 9999"
    ],
    [
      "OrderCreated",
      message(...ids, number(3, 1), moment(4, ...time), number(15, -1)),
      "OrderCreated: version is -1, not between 1 and 9007199254740991"
    ],
    [
      "OrderStatusChanged",
      message(...ids, moment(4, ...time)),
      "OrderStatusChanged: status is 0, which names no order status (1 to 7)"
    ],
    [
      "OrderStatusChanged",
      message(...ids, number(3, 8), moment(4, ...time)),
      "OrderStatusChanged: status is 8, which names no order status (1 to 7)"
    ],
    [
      "PaymentProcessed",
      message(...ids, number(3, 1), moment(6, ...time)),
      "PaymentProcessed: status is 0, which names no payment status (1 SUCCESS, 2 FAILED)"
    ]
  ]
  it.each(refused)("is refused with the field and what was found in it: %s %o", (eventType, payload, reason) => {
    assert.strictEqual(refusal(eventType, payload), reason)
  })

  const undecodable: ReadonlyArray<readonly [what: string, payload: Uint8Array]> = [
    ["cut off within a field", message(...ids).slice(0, 20)],
    ["a number where text belongs", message(number(1, 5), ids[1])],
    ["text that is no UTF-8", message(bytes(1, [0xff, 0xfe]), ids[1])],
    ["JSON", new TextEncoder().encode("{\"orderId\":\"42\"}")],
    ["an endless varint", Uint8Array.from({ length: 12 }, () => 0xff)]
  ]
  it.each(undecodable)("says that %s is not protobuf of that type", (_, payload) => {
    assert.match(
      refusal("OrderCreated", payload),
      /^OrderCreated: (the payload of \d+ bytes is not protobuf|order_id is)/
    )
  })

  it.prop("never throws, whatever the bytes", [
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
  ], ([content]) => {
    for (const type of ["OrderCreated", "OrderStatusChanged", "OrderCancelled", "PaymentProcessed"]) {
      decodeEvent(type, Uint8Array.from(content))
    }
  })

  it("shows no more than the beginning of what was found", () => {
    assert.isBelow(refusal("OrderCreated", message(text(1, "x".repeat(10_000)))).length, 120)
  })
})
