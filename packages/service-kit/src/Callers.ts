import type { Caller } from "@g-store/contracts/Actor.ts"
import { ServiceUnavailable, TooManyRequests, Unauthorized } from "@g-store/contracts/Problems.ts"
import { Context, Effect, Layer, Option } from "effect"
import { addressKey, isLoopback, isWithin } from "./ClientAddress.ts"
import { sameSecret } from "./Secrets.ts"
import { authMode, environment, staffApiKey, trustedProxies } from "./ServiceConfig.ts"
import { makeTokenBuckets, retryAfterSeconds } from "./TokenBuckets.ts"
import { TokenVerifier, type Verified } from "./TokenVerifier.ts"
import { parseUserId } from "./UserIds.ts"

/** What a request brings along to say who calls. */
export interface Credentials {
  /** The Authorization header. */
  readonly authorization: string | undefined
  /** The X-Staff-API-Key header. */
  readonly staffKey: string | undefined
  /** The X-User-ID header. */
  readonly userId: string | undefined
  /** The socket's address, which X-User-ID is believed by. */
  readonly peer: string | undefined
  /** The client's address, which failures are counted by. */
  readonly client: string | undefined
}

/** Whether X-User-ID never gets here, because the gateway in this very process deletes it. */
export const UserIdDeleted = Context.Reference<boolean>("@g-store/service-kit/Callers/UserIdDeleted", {
  defaultValue: () => false
})

export type Refusal = Unauthorized | TooManyRequests | ServiceUnavailable

/**
 * Finds out who calls. What decides, in this order, and alone:
 * 1. X-Staff-API-Key, where it is sent: the caller is `staff-key`.
 * 2. AUTH_MODE=jwt: the bearer token. AUTH_MODE=trusted-header: X-User-ID, from TRUSTED_PROXIES (in development also
 *    from loopback); a bearer token means nothing then.
 * A credential that is sent and does not hold is refused; it is never passed over for another one.
 */
export class Callers extends Context.Service<Callers, {
  readonly identify: (credentials: Credentials) => Effect.Effect<Caller, Refusal>
  /** A token alone, as a socket sends it in a message. Failures count against the address. */
  readonly byToken: (token: string, client: string | undefined) => Effect.Effect<Verified, Refusal>
}>()("@g-store/service-kit/Callers") {
  static readonly layer = Layer.effect(Callers, Effect.suspend(() => make))
}

/** How many failures one address may cause: 50 a second, 200 in a burst. */
const FAILURES = { perSecond: 50, burst: 200 }

const bearer = /^bearer +(\S+)\s*$/i

const staff: Caller = { _tag: "Staff", id: "staff-key" }

const tooMany = (wait: number): TooManyRequests => {
  const retryAfter = retryAfterSeconds(wait)
  return new TooManyRequests({
    retryAfter,
    detail: `Too many failed authentications from your address. Try again in ${retryAfter} s.`
  })
}

const make = Effect.gen(function*() {
  const verifier = yield* TokenVerifier
  const mode = yield* authMode
  const development = (yield* environment) === "development"
  const proxies = yield* trustedProxies
  const isStaffKey = sameSecret(yield* staffApiKey)
  const nobodyNamed = (yield* UserIdDeleted)
    ? "Send X-Staff-API-Key: this gateway deletes X-User-ID, so no customer can be named here."
    : "Send X-User-ID through a trusted proxy, or X-Staff-API-Key."
  const failures = makeTokenBuckets(FAILURES)

  const refused = (client: string | undefined, detail: string): Effect.Effect<never, Unauthorized | TooManyRequests> =>
    Effect.flatMap(
      failures.take(addressKey(client)),
      (wait) => Effect.fail(wait === 0 ? new Unauthorized({ detail }) : tooMany(wait))
    )

  // An address that used up its failures is refused before its guess is looked at: else guessing would go on unbounded.
  const guarded = <A, E>(
    client: string | undefined,
    check: Effect.Effect<A, E>
  ): Effect.Effect<A, E | TooManyRequests> =>
    Effect.flatMap(
      failures.wait(addressKey(client)),
      (wait): Effect.Effect<A, E | TooManyRequests> => wait === 0 ? check : Effect.fail(tooMany(wait))
    )

  const byStaffKey = (key: string, client: string | undefined): Effect.Effect<Caller, Refusal> =>
    guarded(
      client,
      Effect.suspend(() =>
        isStaffKey(key)
          ? Effect.succeed(staff)
          : refused(client, "The X-Staff-API-Key is not the store's.")
      )
    )

  const byToken = (token: string, client: string | undefined): Effect.Effect<Verified, Refusal> =>
    Effect.flatMap(verifier.known(token), (known) =>
      known !== undefined ? Effect.succeed(known) : guarded(
        client,
        Effect.catchTags(verifier.verify(token), {
          TokenInvalid: ({ reason }) => refused(client, reason),
          TokenKeysUnavailable: () =>
            Effect.fail(
              new ServiceUnavailable({
                retryAfter: 5,
                detail: "The identity provider does not answer, so the token cannot be checked. Try again in 5 seconds."
              })
            )
        })
      ))

  const byAuthorization = (authorization: string, client: string | undefined): Effect.Effect<Caller, Refusal> => {
    const token = bearer.exec(authorization)?.[1]
    return token === undefined
      ? refused(client, "The Authorization header must be \"Bearer <token>\".")
      : Effect.map(byToken(token, client), ({ caller }) => caller)
  }

  const byUserId = (userId: string, { client, peer }: Credentials): Effect.Effect<Caller, Refusal> => {
    if (!isWithin(proxies, peer) && !(development && isLoopback(peer))) {
      return refused(client, "X-User-ID is believed only when it comes from one of TRUSTED_PROXIES.")
    }
    return Option.match(parseUserId(userId), {
      onNone: () => refused(client, "X-User-ID must be one UUID."),
      onSome: (id) => Effect.succeed<Caller>({ _tag: "Customer", userId: id })
    })
  }

  return Callers.of({
    byToken,
    identify: (credentials) => {
      const { authorization, client, staffKey, userId } = credentials
      if (staffKey !== undefined) return byStaffKey(staffKey, client)
      if (mode === "trusted-header") {
        return userId === undefined
          ? refused(client, nobodyNamed)
          : byUserId(userId, credentials)
      }
      return authorization === undefined
        ? refused(client, "Send a bearer token in the Authorization header, or X-Staff-API-Key.")
        : byAuthorization(authorization, client)
    }
  })
})
