import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import type { OutgoingMessage } from "@g-store/messaging/Message.ts"
import { Effect } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { Decision } from "../domain/Order.ts"

/** A decision's events as they go into the outbox, in order; each gets its message id here and keeps it. */
export const outgoing = (
  random: SecureRandom.SecureRandom["Service"],
  { events }: Decision,
  traceparent: string | undefined
): Effect.Effect<ReadonlyArray<OutgoingMessage>> =>
  Effect.forEach(events, (event) =>
    Effect.map(random.uuidV7(), (id) => ({
      id,
      topic: ORDER_EVENTS,
      key: event.orderId,
      ...encodeEvent(event),
      traceparent
    })))
