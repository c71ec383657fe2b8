import { Effect, LogLevel, References, Result } from "effect"
import type { Consumer } from "../Consumer.ts"
import { TRACEPARENT } from "../Message.ts"
import { traceId } from "../TraceContext.ts"
import type { Entry } from "./Entry.ts"

/** Names the message in logs; its key is the order that it is about. */
const annotate = <M>({ key, message, messageId }: Entry<M>) => {
  const trace = traceId(message.headers[TRACEPARENT])
  return Effect.annotateLogs({
    messageId,
    ...(key === null ? {} : { orderId: key }),
    ...(trace === undefined ? {} : { traceId: trace })
  })
}

export const logHandled = <M>(entries: ReadonlyArray<Entry<M>>): Effect.Effect<void> =>
  // Asked once for all: naming each message for nobody would cost more than taking it did.
  Effect.flatMap(References.MinimumLogLevel, (level) =>
    LogLevel.isGreaterThan(level, "Debug")
      ? Effect.void
      : Effect.forEach(entries, (entry) => annotate(entry)(Effect.logDebug("handled")), { discard: true }))

export const logSetAside = <M>(
  entries: ReadonlyArray<Entry<M>>,
  reason: (entry: Entry<M>) => string
): Effect.Effect<void> =>
  Effect.forEach(
    entries,
    (entry) => annotate(entry)(Effect.logError(`set aside as a dead letter: ${reason(entry)}`)),
    { discard: true }
  )

export const logParked = <M>(entries: ReadonlyArray<Entry<M>>): Effect.Effect<void> =>
  Effect.forEach(entries, (entry) => annotate(entry)(Effect.logWarning("waits behind a dead letter of its key")), {
    discard: true
  })

/** Tells the consumer of what is held back, as far as it can be read. */
export const tellParked = <M, R>(
  { onParked }: Consumer<M, R>,
  entries: ReadonlyArray<Entry<M>>
): Effect.Effect<void, never, R> => {
  const received = entries.flatMap(({ content }) => Result.isSuccess(content) ? [content.success] : [])
  if (onParked === undefined || received.length === 0) return Effect.void
  // @effect-diagnostics-next-line anyUnknownInErrorContext:off
  return Effect.suspend(() => onParked(received)).pipe(
    Effect.timeout("10 seconds"),
    Effect.catchCause((cause) => Effect.logError("the alert for held back messages failed", cause))
  )
}
