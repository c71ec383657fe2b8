import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { EdgeProblems } from "./Actor.ts"
import { apiDocument } from "./ApiDocument.ts"
import { UserId } from "./Ids.ts"
import { Forbidden, TooManyRequests, Unauthorized } from "./Problems.ts"

export const Role = Schema.Literals(["customer", "staff"]).annotate({ identifier: "Role" })
export type Role = typeof Role.Type

export const TokenRequest = Schema.Struct({
  userId: Schema.optionalKey(UserId),
  role: Schema.optionalKey(Role)
}).annotate({ identifier: "TokenRequest" })

export const Token = Schema.Struct({
  accessToken: Schema.String,
  tokenType: Schema.Literal("Bearer"),
  expiresIn: Schema.Int.annotate({ description: "Seconds", examples: [3600] }),
  userId: UserId
}).annotate({ identifier: "Token" })
export type Token = typeof Token.Type

/** The public keys that tokens are verified with (RFC 7517). */
export const Jwks = Schema.Struct({
  keys: Schema.Array(Schema.Record(Schema.String, Schema.Json))
}).annotate({ identifier: "Jwks" })

export class IdentityGroup extends HttpApiGroup.make("identity")
  .add(
    HttpApiEndpoint.post("token", "/v1/token", {
      headers: {
        "x-staff-api-key": Schema.optionalKey(
          Schema.String.annotate({ description: "The key of the store's staff; needed for a staff token" })
        )
      },
      // Two schemas rather than NullOr: only so does HttpApi take an absent body as null.
      payload: [Schema.Null, TokenRequest],
      success: Token,
      error: [Unauthorized, Forbidden, TooManyRequests]
    }).annotateMerge(OpenApi.annotations({
      summary: "Issue a token for a user",
      description:
        "Without userId a new user is made up. A staff token needs X-Staff-API-Key. Nothing is stored, so an "
        + "Idempotency-Key is neither needed nor read: asking again gives another token."
    })),
    HttpApiEndpoint.get("jwks", "/.well-known/jwks.json", { success: Jwks }).annotateMerge(
      OpenApi.annotations({ summary: "The public keys of the tokens" })
    )
  )
  .annotateMerge(OpenApi.annotations({ title: "Identity", description: "Tokens for development" }))
{}

/** A stand-in for a real identity provider: never part of production. */
export class IdentityApi extends HttpApi.make("identity")
  .add(IdentityGroup)
  .middleware(EdgeProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(OpenApi.Transform, apiDocument)
  .annotateMerge(OpenApi.annotations({
    title: "g-store development identity provider",
    version: "1.0.0",
    description: "Issues tokens to whoever asks. For development only."
  }))
{}
