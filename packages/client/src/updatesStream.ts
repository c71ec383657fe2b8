import { Cause, Effect, Queue, Stream } from "effect"
import { type OrderUpdate, type OrderUpdates, SubscriptionRefused, type Target } from "./OrderUpdates.ts"

/** Order updates as an Effect Stream; ends the subscription with the stream, and the stream with the connection. For Effect users: browsers need not load it. */
export const updatesStream = (updates: OrderUpdates, target: Target): Stream.Stream<OrderUpdate, SubscriptionRefused> =>
  Stream.callback<OrderUpdate, SubscriptionRefused>((queue) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        updates.subscribe(target, {
          onUpdate: (update) => void Queue.offerUnsafe(queue, update),
          onRefused: (refusal) => void Queue.failCauseUnsafe(queue, Cause.fail(new SubscriptionRefused(refusal))),
          onClosed: () => void Queue.endUnsafe(queue)
        })
      ),
      (stop) => Effect.sync(stop)
    ), { bufferSize: 10_000 })
