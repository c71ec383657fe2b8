import { IdentityApi } from "@g-store/contracts/IdentityApi.ts"
import { TooManyRequests, Unauthorized } from "@g-store/contracts/Problems.ts"
import { addressKey, addressOf } from "@g-store/service-kit/ClientAddress.ts"
import { sameSecret } from "@g-store/service-kit/Secrets.ts"
import { staffApiKey } from "@g-store/service-kit/ServiceConfig.ts"
import { makeTokenBuckets, retryAfterSeconds } from "@g-store/service-kit/TokenBuckets.ts"
import { Effect, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { DevelopmentKeys } from "./DevelopmentKeys.ts"
import { makeIssueToken } from "./issueToken.ts"

/** Tokens that one address may ask for: 50 a second, 200 in a burst. It also bounds guesses at the staff key. */
const ISSUES = { perSecond: 50, burst: 200 }

const decodeKeys = Schema.decodeUnknownEffect(Schema.Array(Schema.Record(Schema.String, Schema.Json)))

export const IdentityHandlers = HttpApiBuilder.group(
  IdentityApi,
  "identity",
  Effect.fn(function*(handlers) {
    const { jwks } = yield* DevelopmentKeys
    const issue = yield* makeIssueToken
    const isStaffKey = sameSecret(yield* staffApiKey)
    const buckets = makeTokenBuckets(ISSUES)
    const keys = yield* Effect.orDie(decodeKeys(jwks.keys))

    const withinRate = (address: string | undefined) =>
      Effect.flatMap(buckets.take(addressKey(address)), (wait) => {
        if (wait === 0) return Effect.void
        const retryAfter = retryAfterSeconds(wait)
        return Effect.fail(
          new TooManyRequests({
            retryAfter,
            detail: `Your address may ask for ${ISSUES.perSecond} tokens a second. Try again in ${retryAfter} s.`
          })
        )
      })

    // No key and a wrong one are both 401: credentials are missing or bad. 403 would be for a known caller.
    const mayIssueStaff = (key: string | undefined) => {
      if (key !== undefined && isStaffKey(key)) return Effect.void
      return Effect.fail(
        new Unauthorized({
          detail: key === undefined
            ? "A staff token needs the X-Staff-API-Key header."
            : "The X-Staff-API-Key is not the store's."
        })
      )
    }

    return handlers.handleAll({
      token: ({ headers, payload, request }) =>
        Effect.gen(function*() {
          yield* withinRate(addressOf(request))
          const role = payload?.role ?? "customer"
          if (role === "staff") yield* mayIssueStaff(headers["x-staff-api-key"])
          return yield* issue({ userId: payload?.userId, role })
        }),
      jwks: () => Effect.succeed({ keys })
    })
  })
)
