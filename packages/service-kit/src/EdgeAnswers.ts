import {
  BodyTooLarge,
  InternalError,
  RequestInvalid,
  RouteNotFound,
  ServiceUnavailable
} from "@g-store/contracts/Problems.ts"
import type { EdgeProblemType } from "@g-store/contracts/ProblemTypes.ts"
import { type Cause, Effect, type Schema } from "effect"
import { HttpServerError, type HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"

/** The largest body that a service reads: 64 KiB. */
export const MAX_BODY_BYTES = 65_536

/** A path as it may be shown: without the query, which may hold secrets, and not longer than a line. */
export const shownPath = (url: string): string => {
  const end = url.search(/[?#]/)
  const path = (end === -1 ? url : url.slice(0, end)).replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "")
  return path.length > 200 ? `${path.slice(0, 200)}...` : path
}

const decodes = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

const SERVICE_PATHS = "Each service lists its paths in openapi.json."

const unknownRoute = (request: HttpServerRequest.HttpServerRequest, paths: string) => {
  const path = shownPath(request.url)
  if (!decodes(path)) {
    return new RequestInvalid({
      detail: "The URL's path has a % without two hex digits behind it, or with digits that are not UTF-8."
    })
  }
  return new RouteNotFound({ detail: `Nothing is served at ${path}. ${paths}` })
}

export const tooLarge = new BodyTooLarge({
  detail: `The body is larger than ${MAX_BODY_BYTES} bytes (64 KiB). Send a smaller one.`
})
const unreadable = new RequestInvalid({ detail: "The body ended before all of it was there." })
const internal = new InternalError({ detail: "Something went wrong on our side. The traceId finds it in our logs." })
const stopping = new ServiceUnavailable({ retryAfter: 1, detail: "The service is stopping. Try again in a second." })
/** What a request is told that is turned away, here or in front of the routes. */
export const BUSY = "Too many requests are being worked on. Try again in a second."
const busy = new ServiceUnavailable({ retryAfter: 1, detail: BUSY })

/** 503 for a request that is turned away before any work. */
export const overloaded: Effect.Effect<HttpServerResponse.HttpServerResponse> = HttpServerRespondable.toResponse(busy)

/** How a request ended that gave no answer of its own. */
export interface Ending {
  readonly response: HttpServerResponse.HttpServerResponse
  /** A fault of ours: to be logged with its cause, and counted. */
  readonly defect: boolean
}

const ending = (problem: HttpServerRespondable.Respondable, defect = false): Effect.Effect<Ending> =>
  Effect.map(HttpServerRespondable.toResponse(problem), (response) => ({ response, defect }))

/** The caller is gone; nothing can be sent. 499 is for the log. */
const gone: Ending = { response: HttpServerResponse.empty({ status: 499 }), defect: false }

const endingOf = (reason: Cause.Reason<unknown>, paths: string): Effect.Effect<Ending> | undefined => {
  if (reason._tag === "Interrupt") {
    return reason.annotations.has(HttpServerError.ClientAbort.key) ? Effect.succeed(gone) : ending(stopping)
  }
  const error = reason._tag === "Fail" ? reason.error : reason.defect
  if (HttpServerResponse.isHttpServerResponse(error)) return Effect.succeed({ response: error, defect: false })
  if (!HttpServerError.isHttpServerError(error)) return undefined
  if (error.reason._tag === "RouteNotFound") return ending(unknownRoute(error.reason.request, paths))
  if (error.reason._tag === "RequestParseError") {
    return ending(error.reason.reason === "BodyTooLarge" ? tooLarge : unreadable)
  }
  return undefined
}

/** Whether no route was found for the request's method and path. */
export const isRouteNotFound = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((reason) =>
    reason._tag === "Fail" && HttpServerError.isHttpServerError(reason.error)
    && reason.error.reason._tag === "RouteNotFound"
  )

/**
 * What a failed request is answered with. Anything not foreseen is 500 and shows nothing from inside. `paths` is what a
 * 404 says of those that there are.
 */
export const endingOfCause = (cause: Cause.Cause<unknown>, paths = SERVICE_PATHS): Effect.Effect<Ending> => {
  for (const reason of cause.reasons) {
    const known = reason._tag === "Interrupt" ? undefined : endingOf(reason, paths)
    if (known !== undefined) return known
  }
  const interrupt = cause.reasons.every((reason) => reason._tag === "Interrupt") ? cause.reasons[0] : undefined
  return (interrupt === undefined ? undefined : endingOf(interrupt, paths)) ?? ending(internal, true)
}

interface Kind {
  readonly type: EdgeProblemType
  readonly title: string
}

const kinds: Readonly<Record<number, Kind>> = {
  400: { type: "urn:g-store:request-invalid", title: "Request invalid" },
  404: { type: "urn:g-store:route-not-found", title: "Route not found" },
  405: { type: "urn:g-store:method-not-allowed", title: "Method not allowed" },
  408: { type: "urn:g-store:request-timeout", title: "Request timeout" },
  413: { type: "urn:g-store:body-too-large", title: "Body too large" },
  415: { type: "urn:g-store:media-type-unsupported", title: "Media type unsupported" },
  431: { type: "urn:g-store:headers-too-large", title: "Headers too large" },
  503: { type: "urn:g-store:service-unavailable", title: "Service unavailable" }
}

const kindOf = (status: number): Kind =>
  kinds[status] ?? (status >= 500
    ? { type: "urn:g-store:internal-error", title: "Internal error" }
    : { type: "urn:g-store:request-refused", title: "Request refused" })

/** An error answer that came without a problem (a text, or nothing), as one. */
export const plainProblem = (
  status: number,
  request: HttpServerRequest.HttpServerRequest
): Readonly<Record<string, Schema.Json>> => {
  const { title, type } = kindOf(status)
  const found = request.headers["content-type"]?.slice(0, 100) || "nothing"
  const detail = status === 415 ? `Send the body with Content-Type: application/json, not ${found}.` : `${title}.`
  return { type, title, status, detail }
}
