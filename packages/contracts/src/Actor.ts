import { Context, Schema } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import { UserId } from "./Ids.ts"
import {
  BodyTooLarge,
  InternalError,
  MediaTypeUnsupported,
  RequestInvalid,
  ServiceUnavailable,
  TooManyRequests,
  Unauthorized
} from "./Problems.ts"

/** Who asks. Staff are known by a token's subject or as `staff-key`; Payment is payment-service speaking through its events. */
export const Actor = Schema.Union([
  Schema.TaggedStruct("Customer", { userId: UserId }),
  Schema.TaggedStruct("Staff", { id: Schema.String }),
  Schema.TaggedStruct("Payment", {})
])
export type Actor = typeof Actor.Type

/** A caller over HTTP or a socket. */
export type Caller = Exclude<Actor, { readonly _tag: "Payment" }>

/** The caller of the request at hand, as `Authentication` found it. */
export class CurrentCaller extends Context.Service<CurrentCaller, Caller>()("@g-store/contracts/Actor/CurrentCaller") {}

/**
 * Finds out who calls: a bearer token or the staff key (or, in trusted-header mode, X-User-ID).
 *
 * @effect-expect-leaking HttpServerRequest | ParsedSearchParams | RouteContext
 */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentCaller }>()(
  "@g-store/contracts/Authentication",
  {
    security: {
      bearer: HttpApiSecurity.bearer.pipe(
        HttpApiSecurity.annotate(OpenApi.Format, "JWT"),
        HttpApiSecurity.annotate(OpenApi.Description, "A token of the identity provider")
      ),
      staffKey: HttpApiSecurity.apiKey({ in: "header", key: "X-Staff-API-Key" }).pipe(
        HttpApiSecurity.annotate(OpenApi.Description, "The key of the store's staff")
      )
    },
    error: [Unauthorized, TooManyRequests, ServiceUnavailable]
  }
) {}

/** Bounds what one caller may ask for. Needs the caller, so it stands inside `Authentication`. */
export class RateLimit extends HttpApiMiddleware.Service<RateLimit, { requires: CurrentCaller }>()(
  "@g-store/contracts/RateLimit",
  { error: TooManyRequests }
) {}

/** What any endpoint may answer before or beyond its own work: a request that cannot be understood, a fault of ours. */
export class EdgeProblems extends HttpApiMiddleware.Service<EdgeProblems>()("@g-store/contracts/EdgeProblems", {
  error: [RequestInvalid, BodyTooLarge, MediaTypeUnsupported, InternalError, ServiceUnavailable]
}) {}
