import { type Duration, Effect, FiberMap, Layer, Semaphore, Stream } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { Consumer } from "./Consumer.ts"
import { EventBus } from "./EventBus.ts"
import { makeClosing } from "./inbox/Closing.ts"
import { inboxMetrics } from "./inbox/InboxMetrics.ts"
import { makeProcess } from "./inbox/Partition.ts"
import { replayLoop } from "./inbox/ReplayLoop.ts"
import type { InboxStore } from "./InboxStore.ts"
import { MessagingHealth } from "./MessagingHealth.ts"
import type { ReplayStore } from "./ReplayStore.ts"
import { supervised, terminal } from "./Supervisor.ts"
import type { Transactions } from "./Transactions.ts"

export interface ConsumeOptions {
  /** The most messages in a transaction; 500 if absent. */
  readonly maxBatch?: number | undefined
  /** Transactions of this consumer at once, over all partitions; 2 if absent. */
  readonly concurrency?: number | undefined
  /** The longest that a transaction may take; 30 seconds if absent. */
  readonly timeout?: Duration.Input | undefined
  /** How long running batches may take to come to their end at a stop; 5 seconds if absent. */
  readonly patience?: Duration.Input | undefined
  /** How often to look for what operators asked for; every second if absent. */
  readonly poll?: Duration.Input | undefined
}

/**
 * Runs a consumer for as long as the layer lives: every message has its effect once, in order per key.
 *
 * A batch of a partition is one transaction: take the messages, lock the gates of their keys, park those that wait behind
 * a dead letter, handle the others; then acknowledge. Partitions run side by side; batches that have to wait for a
 * transaction share the next one (inbox/Lanes.ts). What decodes to undefined is acknowledged and leaves no mark. See Consumer for what failures mean, and DeadLetters for what becomes of poison.
 */
export const consume = <M, R>(
  consumer: Consumer<M, R>,
  options: ConsumeOptions = {}
): Layer.Layer<
  never,
  never,
  R | EventBus | InboxStore | ReplayStore | Transactions | MessagingHealth | SecureRandom.SecureRandom
> =>
  Layer.effectDiscard(
    Effect.gen(function*() {
      const bus = yield* EventBus
      const health = yield* MessagingHealth
      const closing = yield* makeClosing
      const shared = {
        consumer,
        closing,
        metrics: inboxMetrics(consumer.name),
        permits: yield* Semaphore.make(options.concurrency ?? 2),
        maxBatch: options.maxBatch ?? 500,
        timeout: options.timeout ?? "30 seconds"
      }
      const process = yield* makeProcess(shared)

      // One fiber a partition: one that has to wait must not hold up the others, nor the end of the subscription. A batch
      // that comes while another of its partition is at hand means that the partition was assigned anew: the older one
      // could not be acknowledged any more, so it is left.
      const subscription = Effect.gen(function*() {
        const batches = yield* FiberMap.make<string, void, never>()
        const stream = bus.subscribe({
          topics: consumer.topics,
          group: consumer.name,
          maxBatch: options.maxBatch,
          onAssigned: health.joined(consumer.name)
        })
        yield* Effect.raceFirst(
          Stream.runForEach(stream, (batch) =>
            FiberMap.run(batches, `${batch.topic}/${batch.partition}`, process(batch))),
          FiberMap.join(batches)
        )
      }).pipe(Effect.scoped)

      yield* health.expect(consumer.name)
      yield* Effect.forkScoped(terminal(consumer.name, subscription))
      yield* Effect.forkScoped(
        supervised(`${consumer.name} replay`, replayLoop({ ...shared, poll: options.poll ?? "1 second" }))
      )
      // Runs before the fibers are interrupted: what has begun may end, and only then is the group left.
      yield* Effect.addFinalizer(() =>
        closing.close(options.patience ?? "5 seconds")
      )
    }).pipe(Effect.annotateLogs({ module: "messaging.inbox", consumer: consumer.name }))
  )
