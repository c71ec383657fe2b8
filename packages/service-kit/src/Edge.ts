import { CurrentTraceparent, traceId } from "@g-store/messaging/TraceContext.ts"
import { ByteSize, type Cause, Clock, Context, Effect, Metric, Tracer } from "effect"
import {
  HttpIncomingMessage,
  HttpMiddleware,
  HttpRouter,
  HttpServerRequest,
  type HttpServerResponse
} from "effect/http"
import type { unhandled } from "effect/Types"
import { type Ending, endingOfCause, MAX_BODY_BYTES, overloaded, shownPath } from "./EdgeAnswers.ts"
import { atTheEdge } from "./EdgeResponse.ts"
import { defectCounter, inFlightGauge, makeRecorder, shedCounter } from "./HttpMetrics.ts"
import { CurrentRequestFacts, type RequestFacts } from "./RequestFacts.ts"
import * as ServiceConfig from "./ServiceConfig.ts"
import { traceparentFrom } from "./Traceparent.ts"

export interface EdgeOptions {
  /** At what level an answered request is logged; Info if absent. Health checks are asked for often: Debug for them. */
  readonly logLevel?: "Info" | "Debug"
  /** Requests worked on at once before others are turned away with 503: MAX_IN_FLIGHT if absent. */
  readonly maxInFlight?: number
}

const maxBody = ByteSize.bytes(MAX_BODY_BYTES)

/** Where a request came from and when; its answer is measured and logged with these. */
interface Begun {
  readonly request: HttpServerRequest.HttpServerRequest
  readonly facts: RequestFacts
  readonly traceparent: string
  readonly startedNanos: bigint
}

/**
 * What every request passes on its way in and out, once per server: trace context, the client's address, the body
 * limit, load shedding; errors as problems, security headers, metrics, and its line in the log.
 */
export const Edge = (options: EdgeOptions = {}) =>
  HttpRouter.middleware(
    Effect.gen(function*() {
      const networks = yield* ServiceConfig.trustedProxies
      const bound = options.maxInFlight ?? (yield* ServiceConfig.maxInFlight)
      const record = makeRecorder()
      const forwarded = HttpMiddleware.xForwardedHeaders({ trustedProxies: networks })
      const log = options.logLevel === "Debug" ? Effect.logDebug : Effect.logInfo
      let inFlight = 0

      const answered = (begun: Begun, { response }: Ending) =>
        Effect.gen(function*() {
          inFlight -= 1
          const { facts, request, startedNanos, traceparent } = begun
          const elapsed = Number((yield* Clock.currentTimeNanos) - startedNanos) / 1e9
          const path = shownPath(request.originalUrl)
          const ms = Math.round(elapsed * 10_000) / 10
          yield* record(request.method, facts.route, response.status, elapsed)
          yield* Metric.update(inFlightGauge, inFlight)
          yield* log(`${request.method} ${path} ${response.status}`).pipe(Effect.annotateLogs({
            module: "http",
            method: request.method,
            path,
            status: response.status,
            ms,
            ...(facts.caller === undefined ? {} : { caller: facts.caller })
          }))
          return atTheEdge(response, request, traceparent, traceId(traceparent) ?? "")
        })

      const failed = (begun: Begun, cause: Cause.Cause<unknown>) =>
        Effect.gen(function*() {
          const ending = yield* endingOfCause(cause)
          if (ending.defect) {
            yield* Metric.update(defectCounter, 1)
            yield* Effect.logError(`${begun.request.method} ${shownPath(begun.request.originalUrl)} failed`, cause)
              .pipe(
                Effect.annotateLogs({ module: "http" })
              )
          }
          return yield* answered(begun, ending)
        })

      const turnedAway = Effect.andThen(Metric.update(shedCounter, 1), overloaded)

      const around = (
        effect: Effect.Effect<HttpServerResponse.HttpServerResponse, unhandled>,
        begun: Begun
      ): Effect.Effect<HttpServerResponse.HttpServerResponse, unhandled, HttpServerRequest.HttpServerRequest> => {
        inFlight += 1
        const worked = inFlight > bound ? turnedAway : networks.length === 0 ? effect : forwarded(effect)
        return Effect.matchCauseEffect(worked, {
          onSuccess: (response) => answered(begun, { response, defect: false }),
          onFailure: (cause) => failed(begun, cause)
        }).pipe(Effect.updateContext((context: Context.Context<HttpServerRequest.HttpServerRequest>) =>
          context.pipe(
            Context.add(CurrentTraceparent, begun.traceparent),
            Context.add(CurrentRequestFacts, begun.facts),
            Context.add(HttpIncomingMessage.MaxBodySize, maxBody)
          )
        ))
      }

      return (effect: Effect.Effect<HttpServerResponse.HttpServerResponse, unhandled>) =>
        Effect.gen(function*() {
          const request = yield* HttpServerRequest.HttpServerRequest
          const startedNanos = yield* Clock.currentTimeNanos
          const span = yield* Effect.serviceOption(Tracer.ParentSpan)
          const traceparent = span._tag === "Some"
            ? `00-${span.value.traceId.padStart(32, "0")}-${span.value.spanId}-${span.value.sampled ? "01" : "00"}`
            : yield* traceparentFrom(request.headers["traceparent"])
          const facts: RequestFacts = { route: undefined, caller: undefined }
          return yield* around(effect, { request, facts, traceparent, startedNanos })
        })
    }),
    { global: true }
  )
