import type { Forbidden, RequestInvalid } from "@g-store/contracts/Problems.ts"
import { CurrentTraceparent } from "@g-store/messaging/TraceContext.ts"
import type { Refusal } from "@g-store/service-kit/Callers.ts"
import { traceparentFrom } from "@g-store/service-kit/Traceparent.ts"
import { Effect, FiberSet, Random } from "effect"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"

/**
 * Answers upgrade requests with a problem instead, on the raw socket, and closes it. The answer carries the trace id that
 * the log has it under. Build one per Layer.
 */
export const makeRefusal = Effect.gen(function*() {
  const random = yield* Random.Random
  const run = yield* FiberSet.makeRuntime<never, void, never>()

  return (request: IncomingMessage, stream: Duplex, problem: Refusal | Forbidden | RequestInvalid): void => {
    const { detail, status, title, type } = problem
    const sent = request.headers["traceparent"]
    const traceparent = traceparentFrom(Array.isArray(sent) ? sent[0] : sent, random)
    const traceId = traceparent.slice(3, 35)
    const retryAfter = "retryAfter" in problem ? { retryAfter: problem.retryAfter } : {}
    const body = JSON.stringify({ type, title, status, detail, error: detail, traceId, ...retryAfter })
    const lines = [
      `HTTP/1.1 ${status} ${title}`,
      "Content-Type: application/problem+json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(retryAfter.retryAfter === undefined ? [] : [`Retry-After: ${retryAfter.retryAfter}`]),
      ...(status === 401 ? ["WWW-Authenticate: Bearer realm=\"g-store\""] : []),
      `traceparent: ${traceparent}`,
      `X-Request-Id: ${traceId}`,
      "Connection: close"
    ]
    stream.on("error", () => stream.destroy())
    // A peer that never closes its side would keep the connection for ever.
    stream.once("finish", () => stream.destroy())
    stream.end(`${lines.join("\r\n")}\r\n\r\n${body}`)
    run(
      Effect.logInfo(`refused a socket with ${status}: ${detail ?? title}`).pipe(
        Effect.annotateLogs({ module: "notifications.socket", status }),
        Effect.provideService(CurrentTraceparent, traceparent)
      )
    )
  }
})
