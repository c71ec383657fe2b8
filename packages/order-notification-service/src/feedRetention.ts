import { supervised } from "@g-store/messaging/Supervisor.ts"
import { retentionFeed } from "@g-store/service-kit/ServiceConfig.ts"
import { DateTime, Effect, Layer, Schedule } from "effect"
import { Feed } from "./Feed.ts"

const BATCH = 1_000

/** Drops old events a batch at a time. Replicas may do so at once: they only find less to drop. */
export const feedRetention = Layer.effectDiscard(Effect.gen(function*() {
  const feed = yield* Feed
  const age = yield* retentionFeed
  const round = Effect.gen(function*() {
    const olderThan = DateTime.subtractDuration(yield* DateTime.now, age)
    let dropped = BATCH
    while (dropped === BATCH) {
      dropped = yield* feed.purge(olderThan, BATCH)
      yield* Effect.sleep("50 millis")
    }
  })
  yield* round.pipe(
    Effect.catch((error) => Effect.logWarning("old events were not dropped; the next round tries again", error)),
    Effect.repeat(Schedule.spaced("10 minutes")),
    Effect.annotateLogs({ module: "notifications.retention" }),
    (effect) => supervised("feed retention", effect),
    Effect.forkScoped
  )
}))
