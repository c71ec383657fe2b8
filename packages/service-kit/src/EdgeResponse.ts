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

const ProblemText = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
const readProblem = Schema.decodeUnknownOption(ProblemText)

const problemIn = (
  response: HttpServerResponse.HttpServerResponse
): Readonly<Record<string, Schema.Json>> | undefined => {
  const { body } = response
  if (body._tag !== "Uint8Array" || !body.contentType.includes("json")) return undefined
  return Option.getOrUndefined(readProblem(body.text ?? new TextDecoder().decode(body.body)))
}

/** An error answer as the problem that it must be: with `error` for the original's clients, `traceId`, Retry-After. */
const completed = (
  response: HttpServerResponse.HttpServerResponse,
  request: HttpServerRequest.HttpServerRequest,
  trace: string
): HttpServerResponse.HttpServerResponse => {
  const problem = problemIn(response) ?? plainProblem(response.status, request)
  const { detail, retryAfter, title, type, ...rest } = problem
  const { "content-length": _length, "content-type": _type, ...kept } = response.headers
  const whole = { type, title, status: response.status, detail, error: detail ?? title, traceId: trace }
  return HttpServerResponse.jsonUnsafe({
    ...whole,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...rest,
    ...whole
  }, {
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
