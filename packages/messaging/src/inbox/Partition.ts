import { type Cause, Clock, Duration, Effect } from "effect"
import type { Batch } from "../EventBus.ts"
import { MessagingHealth } from "../MessagingHealth.ts"
import { backoff } from "./Backoff.ts"
import type { Closing } from "./Closing.ts"
import { type Entry, toEntry } from "./Entry.ts"
import { logHandled, logParked, logSetAside, tellParked } from "./Reports.ts"
import { type Settled, settlement, type SettlementOptions } from "./Settlement.ts"

export interface PartitionOptions<M, R>
  extends Pick<SettlementOptions<M, R>, "consumer" | "maxBatch" | "metrics" | "permits" | "timeout">
{
  readonly closing: Closing
}

/** When a message was made, if its id is a UUIDv7: milliseconds since the epoch. */
const madeAt = (messageId: string): number | undefined =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(messageId)
    ? Number.parseInt(messageId.slice(0, 8) + messageId.slice(9, 13), 16)
    : undefined

/** Takes batches to their end, then acknowledges them. */
export const makeProcess = <M, R>({ closing, consumer, maxBatch, metrics, permits, timeout }: PartitionOptions<M, R>) =>
  Effect.gen(function*() {
    const health = yield* MessagingHealth

    const committed = Effect.fnUntraced(function*({ duplicates, handle, park, reasonOf, setAside }: Settled<M>) {
      yield* metrics.handled(handle.length)
      yield* metrics.duplicates(duplicates)
      yield* metrics.parked(park.length)
      yield* metrics.deadLetters(setAside.length)
      const made = madeAt(handle.at(-1)?.messageId ?? "")
      if (made !== undefined) yield* metrics.lag(Math.max(0, (yield* Clock.currentTimeMillis) - made) / 1000)
      yield* logHandled(handle)
      yield* logSetAside(setAside, reasonOf)
      yield* logParked(park)
      yield* tellParked(consumer, [...setAside, ...park])
    })
    const settle = yield* settlement<M, R>({ consumer, maxBatch, metrics, permits, timeout, committed })

    const read = Effect.fnUntraced(function*({ messages }: Batch) {
      const entries = new Map<string, Entry<M>>()
      let skipped = 0
      for (const message of messages) {
        const entry = toEntry(consumer, message)
        if (entry === undefined) skipped++
        else if (!entries.has(entry.messageId)) entries.set(entry.messageId, entry)
      }
      yield* metrics.batchSize(messages.length)
      yield* metrics.skipped(skipped)
      // A relay that repeats itself may put a message into a batch twice.
      yield* metrics.duplicates(messages.length - skipped - entries.size)
      return [...entries.values()]
    })

    return Effect.fnUntraced(function*(batch: Batch) {
      const place = `${consumer.name} ${batch.topic}/${batch.partition}`
      let setbacks = 0
      const setback = Effect.fnUntraced(function*(reason: string, cause: Cause.Cause<unknown>) {
        setbacks++
        const pause = yield* backoff(setbacks)
        yield* health.report(place, reason)
        yield* Effect.logWarning(`${place}: ${reason}; tried again in ${Math.round(pause)} ms`, cause)
        yield* closing.away(Effect.sleep(Duration.millis(pause)))
      })
      const entries = yield* read(batch)
      if (entries.length > 0) {
        yield* settle(entries, setback).pipe(
          Effect.ensuring(Effect.suspend(() => setbacks > 0 ? health.report(place, undefined) : Effect.void))
        )
      }
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
