import { type Cause, Duration, Effect, Layer, Random, Result, Semaphore, Stream } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { Consumer } from "./Consumer.ts"
import { type Batch, EventBus } from "./EventBus.ts"
import { makeClosing } from "./inbox/Closing.ts"
import { type Entry, toEntry } from "./inbox/Entry.ts"
import { inboxMetrics } from "./inbox/InboxMetrics.ts"
import { type Settled, settlement } from "./inbox/Settlement.ts"
import type { InboxStore } from "./InboxStore.ts"
import { TRACEPARENT } from "./Message.ts"
import { MessagingHealth } from "./MessagingHealth.ts"
import { terminal } from "./Supervisor.ts"
import { traceId } from "./TraceContext.ts"
import type { Transactions } from "./Transactions.ts"

export interface ConsumeOptions {
  /** The most messages in a transaction; 500 if absent. */
  readonly maxBatch?: number | undefined
  /** Transactions of this consumer at once, over all partitions; 4 if absent. */
  readonly concurrency?: number | undefined
  /** The longest that a transaction may take; 30 seconds if absent. */
  readonly timeout?: Duration.Input | undefined
  /** How long the running batches may take to come to their end at a stop; 5 seconds if absent. */
  readonly patience?: Duration.Input | undefined
}

const FIRST_PAUSE = 100
const LONGEST_PAUSE = 5_000

/** Milliseconds before the nth try; half of it at random, so that replicas do not come back all at once. */
const backoff = (nth: number) =>
  Effect.map(
    Random.next,
    (random) => Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(nth - 1, 16)) * (0.5 + random / 2)
  )

/**
 * Runs a consumer for as long as the layer lives: each message is handled exactly once in effect, in order per key.
 *
 * A batch of a partition is one transaction: mark the messages, lock the gates of their keys, park what waits behind a
 * dead letter, handle the rest; then acknowledge. Messages that decode to undefined are acknowledged unmarked.
 */
export const consume = <M, R>(
  consumer: Consumer<M, R>,
  options: ConsumeOptions = {}
): Layer.Layer<
  never,
  never,
  R | EventBus | InboxStore | Transactions | MessagingHealth | SecureRandom.SecureRandom
> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const bus = yield* EventBus
    const health = yield* MessagingHealth
    const metrics = inboxMetrics(consumer.name)
    const permits = yield* Semaphore.make(options.concurrency ?? 4)
    const closing = yield* makeClosing

    const committed = Effect.fnUntraced(function*(settled: Settled<M>) {
      yield* metrics.handled(settled.handle.length)
      yield* metrics.duplicates(settled.duplicates)
      yield* metrics.parked(settled.park.length)
      yield* metrics.deadLetters(settled.setAside.length)
      yield* Effect.forEach(settled.handle, (entry) => logEntry("handled", entry), { discard: true })
    })

    const process = (batch: Batch) =>
      Effect.gen(function*() {
        const place = `${consumer.name} ${batch.topic}/${batch.partition}`
        let setbacks = 0
        const settle = yield* settlement({
          consumer,
          metrics,
          permits,
          timeout: options.timeout ?? "30 seconds",
          committed,
          setback: Effect.fnUntraced(function*(reason: string, cause: Cause.Cause<unknown>) {
            setbacks++
            const pause = yield* backoff(setbacks)
            yield* health.report(place, reason)
            yield* Effect.logWarning(`${place}: ${reason}; tried again in ${Math.round(pause)} ms`, cause)
            yield* closing.away(Effect.sleep(Duration.millis(pause)))
          })
        })
        yield* metrics.batchSize(batch.messages.length)
        const known = new Set<string>()
        const entries: Array<Entry<M>> = []
        for (const message of batch.messages) {
          const entry = toEntry(consumer, message)
          if (entry === undefined || known.has(entry.messageId)) continue
          known.add(entry.messageId)
          entries.push(entry)
        }
        if (entries.length > 0) yield* settle(entries)
        if (setbacks > 0) yield* health.report(place, undefined)
        yield* batch.acknowledge.pipe(
          Effect.catchTag("BusUnavailable", (error) =>
            Effect.andThen(
              metrics.refusedAcknowledgement,
              Effect.logInfo(`${place}: the batch could not be acknowledged and comes again`, error)
            ))
        )
      }).pipe(closing.during)

    const running = bus.subscribe({
      topics: consumer.topics,
      group: consumer.name,
      maxBatch: options.maxBatch,
      onAssigned: health.joined(consumer.name)
    }).pipe(Stream.mapEffect(process, { concurrency: "unbounded" }), Stream.runDrain)

    yield* health.expect(consumer.name)
    yield* terminal(consumer.name, running).pipe(
      Effect.annotateLogs({ module: "messaging.inbox", consumer: consumer.name }),
      Effect.forkScoped
    )
    yield* Effect.addFinalizer(() => closing.close(options.patience ?? "5 seconds"))
  }))

const logEntry = <M>(what: string, { content, key, messageId }: Entry<M>) => {
  const headers = Result.isSuccess(content) ? content.success.message.headers : {}
  const trace = traceId(headers[TRACEPARENT])
  return Effect.logDebug(what).pipe(
    Effect.annotateLogs({
      messageId,
      ...(key === null ? {} : { orderId: key }),
      ...(trace === undefined ? {} : { traceId: trace })
    })
  )
}
