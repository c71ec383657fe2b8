import { Authentication, EdgeProblems, RateLimit } from "@g-store/contracts/Actor.ts"
import { apiDocument } from "@g-store/contracts/ApiDocument.ts"
import { OrderId } from "@g-store/contracts/Ids.ts"
import {
  IdempotencyKeyInUse,
  IdempotencyKeyReused,
  ServiceUnavailable,
  VersionMismatch
} from "@g-store/contracts/Problems.ts"
import { idempotencyKey, ifMatch, Limit } from "@g-store/contracts/Requests.ts"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiError, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

/** 409 of the tests' API. */
export class ThingTaken extends HttpApiError.Problem<ThingTaken>()("ThingTaken", {
  type: "urn:test:thing-taken",
  status: 409,
  title: "Thing taken"
}, { thing: Schema.String, by: Schema.String }) {}

/** 404 of the tests' API. */
export class ThingNotFound extends HttpApiError.Problem<ThingNotFound>()("ThingNotFound", {
  type: "urn:test:thing-not-found",
  status: 404,
  title: "Thing not found"
}) {}

export const NewThing = Schema.Struct({
  amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })),
  name: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(5)))
})

const params = { id: OrderId }
const errors = [
  IdempotencyKeyInUse,
  IdempotencyKeyReused,
  ThingTaken,
  ThingNotFound,
  VersionMismatch,
  ServiceUnavailable
] as const

export class ThingsGroup extends HttpApiGroup.make("things").add(
  HttpApiEndpoint.post("create", "/v1/things", {
    headers: idempotencyKey,
    payload: NewThing,
    success: HttpApiSchema.WithHeaders(
      Schema.Struct({ id: Schema.String }).pipe(HttpApiSchema.status(201)),
      { location: Schema.String }
    ),
    error: [...errors]
  }),
  HttpApiEndpoint.get("list", "/v1/things", {
    query: {
      limit: Schema.optionalKey(Limit),
      page: Schema.optionalKey(Schema.Int),
      colour: Schema.optionalKey(Schema.Literals(["RED", "GREEN"]).annotate({ identifier: "Colour" }))
    },
    success: Schema.Struct({ limit: Schema.Int })
  }),
  HttpApiEndpoint.get("byId", "/v1/things/:id", {
    params,
    success: Schema.Struct({ id: OrderId }),
    error: ThingNotFound
  }),
  HttpApiEndpoint.post("drop", "/v1/things/:id/drop", {
    params,
    headers: { ...idempotencyKey, ...ifMatch },
    payload: [Schema.Null, Schema.Struct({ why: Schema.optionalKey(Schema.String) }).annotate({ identifier: "Drop" })],
    success: HttpApiSchema.NoContent,
    error: [...errors]
  }),
  HttpApiEndpoint.get("crash", "/v1/crash", { success: HttpApiSchema.NoContent }),
  HttpApiEndpoint.get("slow", "/v1/slow", { success: HttpApiSchema.NoContent })
) {}

/** A small API with everything that the kit stands around. */
export class ThingsApi extends HttpApi.make("things")
  .add(ThingsGroup)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .middleware(RateLimit)
  .middleware(Authentication)
  .middleware(EdgeProblems)
  .annotate(OpenApi.Transform, apiDocument)
{}

/** Every `type` that the document says a problem may have. */
export const listedTypes = Object.values(OpenApi.fromApi(ThingsApi).components.schemas["ProblemType"]?.["enum"] ?? {})
