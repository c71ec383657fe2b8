import type { Caller } from "@g-store/contracts/Actor.ts"
import { Clock, Context, DateTime, Effect, Layer, Schema } from "effect"
import { errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from "jose"
import { authAudience, authIssuer, authRoleClaim, authStaffValue, authUserClaim } from "./ServiceConfig.ts"
import { makeTokenCache } from "./TokenCache.ts"
import { type KeySet, TokenKeys, type TokenKeysUnavailable } from "./TokenKeys.ts"
import { userIdOf } from "./UserIds.ts"

/** A token that does not hold; `reason` is a sentence for its bearer. */
export class TokenInvalid extends Schema.TaggedError<TokenInvalid>()("TokenInvalid", { reason: Schema.String }) {}

/** Whom a token stands for, and until when (milliseconds since the epoch). */
export interface Verified {
  readonly caller: Caller
  readonly expiresAt: number
}

/** Tells whom a bearer token stands for. */
export class TokenVerifier extends Context.Service<TokenVerifier, {
  readonly verify: (token: string) => Effect.Effect<Verified, TokenInvalid | TokenKeysUnavailable>
  /** The verdict at hand, if the token was verified a short while ago: costs nothing. */
  readonly known: (token: string) => Effect.Effect<Verified | undefined>
}>()("@g-store/service-kit/TokenVerifier") {
  /** JWTs, checked against `TokenKeys`: signature by one of a fixed list of algorithms, `iss`, `aud`, `exp`. */
  static readonly layer = Layer.effect(TokenVerifier, Effect.suspend(() => make))

  /** For tests: tokens that are names, verified by looking them up. */
  static readonly layerStatic = (tokens: Readonly<Record<string, Caller>>): Layer.Layer<TokenVerifier> =>
    Layer.succeed(TokenVerifier, {
      verify: (token) => {
        const caller = Object.hasOwn(tokens, token) ? tokens[token] : undefined
        return caller === undefined
          ? Effect.fail(new TokenInvalid({ reason: "The token is not one of the test's." }))
          : Effect.succeed({ caller, expiresAt: Number.MAX_SAFE_INTEGER })
      },
      known: () => Effect.undefined
    })
}

/** Never `none`, and no HMAC: a public key must not pass for a secret. */
const ALGORITHMS = ["EdDSA", "ES256", "RS256"]
const CACHE_MILLIS = 5 * 60_000
const CACHE_SIZE = 10_000
const CLOCK_TOLERANCE_SECONDS = 5

const tokenAt = (name: string, payload: JWTPayload): unknown => {
  if (Object.hasOwn(payload, name)) return payload[name]
  // Keycloak and others nest: `realm_access.roles`. A claim of that very name comes first, since URLs have dots too.
  return name.split(".").reduce<unknown>(
    (value, part) => isRecord(value) && Object.hasOwn(value, part) ? value[part] : undefined,
    payload
  )
}
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const reasonOf = (error: unknown): string => {
  if (error instanceof errors.JWTExpired) return "The token has expired. Get a new one."
  if (error instanceof errors.JWTClaimValidationFailed) return `The token's ${error.claim} claim does not hold here.`
  if (error instanceof errors.JWSSignatureVerificationFailed) return "The token's signature does not verify."
  if (error instanceof errors.JOSEAlgNotAllowed) return `The token must be signed by ${ALGORITHMS.join(", ")}.`
  if (error instanceof errors.JWKSNoMatchingKey) {
    return "The token is signed with a key that its issuer does not publish."
  }
  return "The token is not a JWT that can be read."
}

/** What jose says of a token that does not verify. */
class NotVerified extends Schema.TaggedError<NotVerified>()("NotVerified", { cause: Schema.Defect() }) {}

const namesUnknownKey = ({ cause }: NotVerified): boolean => cause instanceof errors.JWKSNoMatchingKey

/** A token without a key id may fit several keys: any one that verifies is right. */
const verifyJwt = async (token: string, set: KeySet, options: JWTVerifyOptions) => {
  try {
    return await jwtVerify(token, set, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, options)
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

const make = Effect.gen(function*() {
  const keys = yield* TokenKeys
  const issuer = yield* authIssuer
  const audience = yield* authAudience
  const userClaim = yield* authUserClaim
  const roleClaim = yield* authRoleClaim
  const staffValue = yield* authStaffValue
  const cache = makeTokenCache(CACHE_SIZE, CACHE_MILLIS)

  const callerOf = (payload: JWTPayload): Caller | TokenInvalid => {
    const user = tokenAt(userClaim, payload)
    if (typeof user !== "string" || user === "") {
      return new TokenInvalid({ reason: `The token has no ${userClaim} claim.` })
    }
    const userId = userIdOf(issuer, user)
    const role = tokenAt(roleClaim, payload)
    const staff = role === staffValue || (Array.isArray(role) && role.includes(staffValue))
    return staff ? { _tag: "Staff", id: userId } : { _tag: "Customer", userId }
  }

  const check = (token: string, set: KeySet, now: DateTime.Utc) =>
    Effect.tryPromise({
      try: () =>
        verifyJwt(token, set, {
          algorithms: ALGORITHMS,
          issuer,
          audience,
          requiredClaims: ["exp"],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: DateTime.toDateUtc(now)
        }),
      catch: (cause) => new NotVerified({ cause })
    })

  const verify = Effect.fnUntraced(function*(token: string) {
    const now = yield* DateTime.now
    const set = yield* keys.current
    const { payload } = yield* check(token, set, now).pipe(
      Effect.catchIf(
        namesUnknownKey,
        (failure) =>
          Effect.flatMap(
            keys.newerThan(set),
            (newer) => newer === set ? Effect.fail(failure) : check(token, newer, now)
          )
      ),
      Effect.catchTag("NotVerified", ({ cause }) => Effect.fail(new TokenInvalid({ reason: reasonOf(cause) })))
    )
    const caller = callerOf(payload)
    if (caller._tag === "TokenInvalid") return yield* caller
    const verified: Verified = { caller, expiresAt: (payload.exp ?? 0) * 1000 }
    cache.set(token, verified, DateTime.toEpochMillis(now))
    return verified
  })

  const known = (token: string) => Effect.map(Clock.currentTimeMillis, (now) => cache.get(token, now))

  return TokenVerifier.of({
    known,
    verify: (token) => Effect.flatMap(known(token), (hit) => hit === undefined ? verify(token) : Effect.succeed(hit))
  })
})
