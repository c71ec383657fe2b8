import { type Duration, Effect, Result, Schema } from "effect"
import type { Consumer } from "../Consumer.ts"
import { TRACEPARENT } from "../Message.ts"
import { CurrentTraceparent } from "../TraceContext.ts"
import type { Entry } from "./Entry.ts"

/** What a handler failed with; Failure.ts says what that means. Its defects stay defects. */
export class HandlerFailed extends Schema.TaggedError<HandlerFailed>()("HandlerFailed", { error: Schema.Unknown }) {}

/** Pauses between the tries of a single message: all of them within a second. */
const PAUSES: ReadonlyArray<Duration.Input> = ["100 millis", "300 millis"]
export const TRIES = PAUSES.length + 1

/** Before another try of a message that has failed so often. */
export const pauseAfter = (tries: number) => Effect.sleep(PAUSES[tries - 1] ?? "300 millis")

/** Runs the handler, live and at a replay alike: a message that comes alone brings its trace context along. */
export const handleAll = <M, R>(
  consumer: Consumer<M, R>,
  entries: ReadonlyArray<Entry<M>>
): Effect.Effect<void, HandlerFailed, R> => {
  const received = entries.flatMap((entry) => Result.isSuccess(entry.content) ? [entry.content.success] : [])
  const [first, second] = received
  if (first === undefined) return Effect.void
  // @effect-diagnostics-next-line anyUnknownInErrorContext:off
  const handling = Effect.suspend(() => consumer.handle(received)).pipe(
    Effect.mapError((error) => new HandlerFailed({ error }))
  )
  return second === undefined
    ? Effect.provideService(handling, CurrentTraceparent, first.message.headers[TRACEPARENT])
    : handling
}
