import { type Cause, Duration, Effect } from "effect"
import type { Batch } from "../EventBus.ts"
import { MessagingHealth } from "../MessagingHealth.ts"
import { backoff } from "./Backoff.ts"
import type { Closing } from "./Closing.ts"
import { type Entry, toEntry } from "./Entry.ts"
import { logHandled, logParked, logSetAside, tellParked } from "./Reports.ts"
import { settlement, type SettlementOptions } from "./Settlement.ts"

export interface PartitionOptions<M, R>
  extends Pick<SettlementOptions<M, R>, "consumer" | "metrics" | "permits" | "timeout">
{
  readonly closing: Closing
}

/** Takes batches to their end, then acknowledges them. */
export const makeProcess = <M, R>({ closing, consumer, metrics, permits, timeout }: PartitionOptions<M, R>) =>
  Effect.gen(function*() {
    const health = yield* MessagingHealth

    const settle = yield* settlement<M, R>({
      consumer,
      metrics,
      permits,
      timeout,
      committed: Effect.fnUntraced(function*({ duplicates, handle, park, reasonOf, setAside }) {
        yield* metrics.handled(handle.length)
        yield* metrics.duplicates(duplicates)
        yield* metrics.parked(park.length)
        yield* metrics.deadLetters(setAside.length)
        yield* logHandled(handle)
        yield* logSetAside(setAside, reasonOf)
        yield* logParked(park)
        yield* tellParked(consumer, [...setAside, ...park])
      })
    })

    const read = (batch: Batch): ReadonlyArray<Entry<M>> => {
      const entries = new Map<string, Entry<M>>()
      for (const message of batch.messages) {
        const entry = toEntry(consumer, message)
        if (entry !== undefined && !entries.has(entry.messageId)) entries.set(entry.messageId, entry)
      }
      return [...entries.values()]
    }

    return Effect.fnUntraced(function*(batch: Batch) {
      const place = `${consumer.name} ${batch.topic}/${batch.partition}`
      let setbacks = 0
      yield* metrics.batchSize(batch.messages.length)
      const entries = read(batch)
      const setback = Effect.fnUntraced(function*(reason: string, cause: Cause.Cause<unknown>) {
        setbacks++
        const pause = yield* backoff(setbacks)
        yield* health.report(place, reason)
        yield* Effect.logWarning(`${place}: ${reason}; tried again in ${Math.round(pause)} ms`, cause)
        yield* closing.away(Effect.sleep(Duration.millis(pause)))
      })
      if (entries.length > 0) yield* settle(entries, setback)
      if (setbacks > 0) yield* health.report(place, undefined)
      yield* batch.acknowledge.pipe(
        Effect.catchTag("BusUnavailable", (error) =>
          // The bus hands the messages out again, here or where the partition has gone; the inbox knows them.
          Effect.andThen(
            metrics.refusedAcknowledgement,
            Effect.logInfo(`${place}: the batch could not be acknowledged and comes again`, error)
          ))
      )
    }, closing.during)
  })
