import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"

/**
 * Members that every problem has besides those of RFC 9457. The edge of a service fills both: `error` repeats `detail`
 * for clients of the original API, `traceId` finds the request in the logs.
 */
export const members = {
  error: Schema.optionalKey(Schema.String.annotate({ description: "The same text as detail" })),
  traceId: Schema.optionalKey(Schema.String.annotate({ description: "Finds the request in the logs" }))
}

/** Seconds to wait before the next try; also sent as the Retry-After header. */
const retryAfter = Schema.Int.annotate({ description: "Seconds to wait; also the Retry-After header", examples: [1] })

/** 400: the request cannot be understood; `errors` names each place and what is expected there. */
export class RequestInvalid extends HttpApiError.Problem<RequestInvalid>()("RequestInvalid", {
  type: "urn:g-store:request-invalid",
  status: 400,
  title: "Request invalid"
}, {
  ...members,
  errors: Schema.optionalKey(Schema.Array(Schema.Struct({
    path: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
    message: Schema.String
  })))
}) {}

/** 401: no credentials, or none that hold. */
export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: "urn:g-store:unauthorized",
  status: 401,
  title: "Unauthorized"
}, members) {}

/** 403: known, but not allowed: somebody else's order or account, or the wrong role. */
export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: "urn:g-store:forbidden",
  status: 403,
  title: "Forbidden"
}, members) {}

/** 404 for a path that nothing serves. */
export class RouteNotFound extends HttpApiError.Problem<RouteNotFound>()("RouteNotFound", {
  type: "urn:g-store:route-not-found",
  status: 404,
  title: "Not found"
}, members) {}

/** 405: the path is served, but not for this method; the Allow header names those that are. */
export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()("MethodNotAllowed", {
  type: "urn:g-store:method-not-allowed",
  status: 405,
  title: "Method not allowed"
}, members) {}

/** 409: a request with the same idempotency key is still being worked on. */
export class IdempotencyKeyInUse extends HttpApiError.Problem<IdempotencyKeyInUse>()("IdempotencyKeyInUse", {
  type: "urn:g-store:idempotency-key-in-use",
  status: 409,
  title: "Idempotency key in use"
}, { ...members, retryAfter }) {}

/** 412: If-Match names a version that the order no longer has. */
export class VersionMismatch extends HttpApiError.Problem<VersionMismatch>()("VersionMismatch", {
  type: "urn:g-store:version-mismatch",
  status: 412,
  title: "Version mismatch"
}, { ...members, currentVersion: Schema.Int }) {}

/** 413: the body is over 64 KiB. */
export class BodyTooLarge extends HttpApiError.Problem<BodyTooLarge>()("BodyTooLarge", {
  type: "urn:g-store:body-too-large",
  status: 413,
  title: "Body too large"
}, members) {}

/** 415: the body is not JSON. */
export class MediaTypeUnsupported extends HttpApiError.Problem<MediaTypeUnsupported>()("MediaTypeUnsupported", {
  type: "urn:g-store:media-type-unsupported",
  status: 415,
  title: "Media type unsupported"
}, members) {}

/** 422: the idempotency key was used before with another body. */
export class IdempotencyKeyReused extends HttpApiError.Problem<IdempotencyKeyReused>()("IdempotencyKeyReused", {
  type: "urn:g-store:idempotency-key-reused",
  status: 422,
  title: "Idempotency key reused"
}, members) {}

/** 429: more requests than the caller's share. */
export class TooManyRequests extends HttpApiError.Problem<TooManyRequests>()("TooManyRequests", {
  type: "urn:g-store:too-many-requests",
  status: 429,
  title: "Too many requests"
}, { ...members, retryAfter }) {}

/** 500: a fault of ours; the logs have it under the trace id. */
export class InternalError extends HttpApiError.Problem<InternalError>()("InternalError", {
  type: "urn:g-store:internal-error",
  status: 500,
  title: "Internal error"
}, members) {}

/** 503: the database cannot be reached or the service sheds load; nothing is known to have been done. */
export class ServiceUnavailable extends HttpApiError.Problem<ServiceUnavailable>()("ServiceUnavailable", {
  type: "urn:g-store:service-unavailable",
  status: 503,
  title: "Service unavailable"
}, { ...members, retryAfter }) {}
