import { Duration, Effect } from "effect"
import { MessagingHealth } from "../MessagingHealth.ts"
import { ReplayStore } from "../ReplayStore.ts"
import { backoff } from "./Backoff.ts"
import type { Closing } from "./Closing.ts"
import { read, replayer, type ReplayOptions } from "./Replay.ts"
import { tellParked } from "./Reports.ts"

/** How many held-back messages are read at once for the alerts at a start: foreign ones may be a megabyte each. */
const ALERTS = 100
/** Polls between two counts of what stands unsettled. */
const COUNT_EVERY = 5

export interface ReplayLoopOptions<M, R> extends ReplayOptions<M, R> {
  readonly closing: Closing
  /** How often to look for what operators asked for. */
  readonly poll: Duration.Input
}

/** Looks for what operators asked for, and does it, for ever. */
export const replayLoop = <M, R>(options: ReplayLoopOptions<M, R>) =>
  Effect.gen(function*() {
    const { closing, consumer, metrics, poll } = options
    const health = yield* MessagingHealth
    const store = yield* ReplayStore
    const { act, count, errands } = yield* replayer(options)
    const place = `${consumer.name} replay`

    const tellHeldBack = Effect.gen(function*() {
      if (consumer.onParked === undefined) return
      for (let after = "";;) {
        const messages = yield* store.heldBack(consumer.name, after, ALERTS)
        yield* tellParked(consumer, read(consumer, messages))
        if (messages.length < ALERTS) return
        after = messages.at(-1)?.place ?? after
      }
    })

    let told = false
    let polls = 0
    const tick = Effect.gen(function*() {
      if (!told) {
        yield* tellHeldBack
        told = true
      }
      let setback: string | undefined
      const todo = yield* errands
      for (const errand of todo) setback = (yield* closing.during(act(errand))) ?? setback
      if (todo.length > 0 || polls++ % COUNT_EVERY === 0) yield* metrics.standing(yield* count)
      return setback
    }).pipe(Effect.catchTag("DatabaseUnavailable", (error) => Effect.succeed(`database unavailable: ${error.message}`)))

    let setbacks = 0
    while (true) {
      const reason = yield* tick
      if (reason === undefined) {
        if (setbacks > 0) yield* health.report(place, undefined)
        setbacks = 0
        yield* Effect.sleep(poll)
      } else {
        setbacks++
        const pause = Math.max(Duration.toMillis(poll), yield* backoff(setbacks))
        yield* health.report(place, reason)
        yield* Effect.logWarning(`${place}: ${reason}; tried again in ${Math.round(pause)} ms`)
        yield* Effect.sleep(Duration.millis(pause))
      }
    }
  })
