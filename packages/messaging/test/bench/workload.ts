import type { OutgoingMessage } from "../../src/Message.ts"

export const TOPIC = "bench.events"

/** Events as an order-service has them: 40 bytes of protobuf, five of each key, with the trace of their request. */
export const workload = (messages: number): ReadonlyArray<OutgoingMessage> =>
  Array.from({ length: messages }, (_, nth) => ({
    id: `00000000-0000-7000-8000-${String(nth).padStart(12, "0")}`,
    topic: TOPIC,
    key: `01930000-0000-7000-8000-${String(Math.floor(nth / 5)).padStart(12, "0")}`,
    eventType: "OrderStatusChanged",
    payload: new Uint8Array(40).fill(nth % 256),
    traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
  }))
