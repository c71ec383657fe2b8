import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import type { OutgoingMessage } from "@g-store/messaging/Message.ts"
import type { Settlement } from "../domain/Settlement.ts"

/** What a settlement has to tell, keyed by order so that it follows what else is told of the order. */
export const toMessages = (settlement: Settlement): ReadonlyArray<OutgoingMessage> =>
  settlement.events.map(({ command: { id, traceparent }, event }) => ({
    id,
    topic: PAYMENT_EVENTS,
    key: event.orderId,
    traceparent,
    ...encodeEvent(event)
  }))
