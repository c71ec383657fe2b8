import { CurrentTraceparent } from "@g-store/messaging/TraceContext.ts"
import { ByteSize, type Cause, Clock, Context, Effect, Metric, Random, Tracer } from "effect"
import {
  HttpIncomingMessage,
  HttpMiddleware,
  HttpRouter,
  HttpServerRequest,
  type HttpServerResponse
} from "effect/http"
import type { unhandled } from "effect/Types"
import { endingOfCause, isRouteNotFound, MAX_BODY_BYTES, overloaded, shownPath } from "./EdgeAnswers.ts"
import { atTheEdge } from "./EdgeResponse.ts"
import { defectCounter, inFlightGauge, makeRecorder, shedCounter } from "./HttpMetrics.ts"
import { refusalOfMethod } from "./MethodRoutes.ts"
import { CurrentRequestFacts, type RequestFacts } from "./RequestFacts.ts"
import * as ServiceConfig from "./ServiceConfig.ts"
import { traceparentFrom } from "./Traceparent.ts"

export interface EdgeOptions {
  /** At what level an answered request is logged; Info if absent. Health checks are asked for often: Debug for them. */
  readonly logLevel?: "Info" | "Debug"
  /** Requests worked on at once before others are turned away with 503: MAX_IN_FLIGHT if absent. */
  readonly maxInFlight?: number
  /** Headers of the answers to those that are turned away over a socket, by their Origin; none if absent. */
  readonly headersOfShed?: (origin: string | undefined) => Readonly<Record<string, string>>
  /** What a 404 says of the paths that there are; that services list theirs in openapi.json if absent. */
  readonly paths?: string
}

type Response = HttpServerResponse.HttpServerResponse
type Handled = Effect.Effect<Response, unhandled>

const maxBody = ByteSize.bytes(MAX_BODY_BYTES)

/** A request on its way through: where it came from, when it began, and what is learnt about it. */
interface Passage {
  readonly request: HttpServerRequest.HttpServerRequest
  readonly clock: Clock.Clock
  readonly startedNanos: bigint
  readonly traceparent: string
  readonly facts: RequestFacts
}

/** The span's where a tracer is installed, else one of our own: it goes with the work, into logs and messages. */
const traceparentOf = (request: HttpServerRequest.HttpServerRequest, context: Context.Context<never>): string => {
  const span = Context.getOrUndefined(context, Tracer.ParentSpan)
  return span === undefined
    ? traceparentFrom(request.headers["traceparent"], Context.get(context, Random.Random))
    : `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`
}

/** What the work inside sees of its request. */
const withPassage = ({ facts, traceparent }: Passage) => <R>(context: Context.Context<R>): Context.Context<R> =>
  context.pipe(
    Context.add(CurrentTraceparent, traceparent),
    Context.add(CurrentRequestFacts, facts),
    Context.add(HttpIncomingMessage.MaxBodySize, maxBody)
  )

/**
 * What every request passes on its way in and out, once per server: trace context, the client's address, the body
 * limit, load shedding; errors as problems, security headers, metrics, and its line in the log. Every request pays for
 * what stands here, so it is written with few Effects: the service values are read once from the fiber.
 */
export const Edge = (options: EdgeOptions = {}) =>
  HttpRouter.middleware(
    Effect.gen(function*() {
      const networks = yield* ServiceConfig.trustedProxies
      const bound = options.maxInFlight ?? (yield* ServiceConfig.maxInFlight)
      const forwarded = HttpMiddleware.xForwardedHeaders({ trustedProxies: networks })
      const record = makeRecorder()
      const log = options.logLevel === "Debug" ? Effect.logDebug : Effect.logInfo
      let inFlight = 0

      const answered = (passage: Passage, response: Response): Effect.Effect<Response> =>
        Effect.withFiber((fiber) => {
          inFlight -= 1
          const { clock, facts, request, startedNanos, traceparent } = passage
          const { method } = request
          const { status } = response
          const seconds = Number(clock.currentTimeNanosUnsafe() - startedNanos) / 1e9
          record(fiber.context, { method, route: facts.route, status, seconds })
          inFlightGauge.updateUnsafe(inFlight, fiber.context)
          const path = shownPath(request.originalUrl)
          const annotations = { module: "http", method, path, status, ms: Math.round(seconds * 10_000) / 10 }
          return log(`${method} ${path} ${status}`).pipe(
            Effect.annotateLogs(facts.caller === undefined ? annotations : { ...annotations, caller: facts.caller }),
            Effect.as(atTheEdge(response, request, traceparent))
          )
        })

      const failed = (passage: Passage, cause: Cause.Cause<unknown>, routes: Handled): Effect.Effect<Response> =>
        Effect.gen(function*() {
          const refusal = isRouteNotFound(cause) ? yield* refusalOfMethod(routes, passage.request) : undefined
          if (refusal !== undefined) return yield* answered(passage, refusal)
          const ending = yield* endingOfCause(cause, options.paths)
          if (ending.defect) {
            yield* Metric.update(defectCounter, 1)
            yield* Effect.logError(`${passage.request.method} ${shownPath(passage.request.originalUrl)} failed`, cause)
              .pipe(
                Effect.annotateLogs({ module: "http" })
              )
          }
          return yield* answered(passage, ending.response)
        })

      const turnedAway = Effect.andThen(Metric.update(shedCounter, 1), overloaded)

      return (effect: Handled): Effect.Effect<Response, unhandled, HttpServerRequest.HttpServerRequest> => {
        const worked = networks.length === 0 ? effect : forwarded(effect)
        return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
          Effect.withFiber((fiber) => {
            const clock = fiber.getRef(Clock.Clock)
            const passage: Passage = {
              request,
              clock,
              startedNanos: clock.currentTimeNanosUnsafe(),
              traceparent: traceparentOf(request, fiber.context),
              facts: { route: undefined, caller: undefined }
            }
            inFlight += 1
            return Effect.matchCauseEffect(inFlight > bound ? turnedAway : worked, {
              onSuccess: (response) => answered(passage, response),
              onFailure: (cause) => failed(passage, cause, effect)
            }).pipe(Effect.updateContext(withPassage(passage)))
          }))
      }
    }),
    { global: true }
  )
