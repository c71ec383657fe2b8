import { Stream } from "effect"
import { type OrderUpdate, type OrderUpdates, SubscriptionRefused, type Target } from "./OrderUpdates.ts"

/** Order updates as an Effect Stream; ends the subscription with the stream. For Effect users: browsers need not load it. */
export const updatesStream = (updates: OrderUpdates, target: Target): Stream.Stream<OrderUpdate, SubscriptionRefused> =>
  Stream.fromAsyncIterable(
    { [Symbol.asyncIterator]: () => updates.updates(target) },
    (cause) => cause instanceof SubscriptionRefused ? cause : new SubscriptionRefused({ code: "INVALID", message: String(cause) })
  )
