import { Option, Schema } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { plainProblem } from "./EdgeAnswers.ts"

const securityHeaders = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin"
}

/** What an answer gets unless it brought its own: nothing of ours may run in a page or stay in a cache. */
const defaults = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store"
}

/** A problem's members, as JSON. */
export type Problem = Readonly<Record<string, Schema.Json>>

const ProblemText = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
const readProblem = Schema.decodeUnknownOption(ProblemText)

/** The problem in an answer's body, if there is one. */
export const problemIn = (
  response: HttpServerResponse.HttpServerResponse
): Problem | undefined => {
  const { body } = response
  if (body._tag !== "Uint8Array" || !body.contentType.includes("json")) return undefined
  return Option.getOrUndefined(readProblem(body.text ?? new TextDecoder().decode(body.body)))
}

/**
 * A problem with all that it must have, members in one order: `error` for the original's clients, and the `traceId` of
 * the request that it was first the answer to.
 */
export const completeProblem = (problem: Problem, status: number, trace: string): Problem => {
  const {
    detail,
    error: _error,
    retryAfter,
    status: _status,
    title = "Error",
    traceId,
    type = "about:blank",
    ...rest
  } = problem
  return {
    type,
    title,
    status,
    detail: detail ?? title,
    error: detail ?? title,
    traceId: traceId ?? trace,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...rest
  }
}

/** An error answer as the complete problem that it must be, with its headers. */
const completed = (
  response: HttpServerResponse.HttpServerResponse,
  request: HttpServerRequest.HttpServerRequest,
  trace: string
): HttpServerResponse.HttpServerResponse => {
  const problem = problemIn(response) ?? plainProblem(response.status, request)
  const { retryAfter } = problem
  const { "content-length": _length, "content-type": _type, ...kept } = response.headers
  return HttpServerResponse.jsonUnsafe(completeProblem(problem, response.status, trace), {
    status: response.status,
    contentType: "application/problem+json",
    headers: {
      ...kept,
      ...(typeof retryAfter === "number" ? { "retry-after": String(retryAfter) } : {}),
      ...(response.status === 401 ? { "www-authenticate": "Bearer realm=\"g-store\"" } : {})
    }
  })
}

/** An answer as it leaves: security headers, trace headers, and errors as complete problems. */
export const atTheEdge = (
  response: HttpServerResponse.HttpServerResponse,
  request: HttpServerRequest.HttpServerRequest,
  traceparent: string
): HttpServerResponse.HttpServerResponse => {
  const trace = traceparent.slice(3, 35)
  const complete = response.status >= 400 && response.status !== 499 ? completed(response, request, trace) : response
  return HttpServerResponse.setHeaders(complete, {
    ...defaults,
    ...complete.headers,
    ...securityHeaders,
    traceparent,
    "x-request-id": trace
  })
}
