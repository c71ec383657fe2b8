import { Context } from "effect"

/**
 * The W3C traceparent of the work at hand, for logs and for the messages it gives rise to; undefined outside any request.
 * It travels without a tracer: spans are optional, knowing what caused what is not.
 */
export const CurrentTraceparent = Context.Reference<string | undefined>("@g-store/messaging/CurrentTraceparent", {
  defaultValue: () => undefined
})

/** The trace id (32 hex digits) inside a traceparent, if it is one. */
export const traceId = (traceparent: string | undefined): string | undefined =>
  traceparent === undefined ? undefined : /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1]
