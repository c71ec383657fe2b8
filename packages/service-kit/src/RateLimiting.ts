import { type Caller, CurrentCaller, RateLimit } from "@g-store/contracts/Actor.ts"
import { TooManyRequests } from "@g-store/contracts/Problems.ts"
import { Effect, Layer } from "effect"
import { type Rate, rateLimit } from "./ServiceConfig.ts"
import { makeTokenBuckets, retryAfterSeconds } from "./TokenBuckets.ts"

const keyOf = (caller: Caller): string => (caller._tag === "Customer" ? caller.userId : `staff:${caller.id}`)

const withinRate = (rate: Rate) => {
  const buckets = makeTokenBuckets(rate)
  return CurrentCaller.use((caller) =>
    Effect.flatMap(buckets.take(keyOf(caller)), (wait) => {
      if (wait === 0) return Effect.void
      const retryAfter = retryAfterSeconds(wait)
      return Effect.fail(
        new TooManyRequests({
          retryAfter,
          detail:
            `You may send ${rate.perSecond} requests a second, and ${rate.burst} in a burst. Try again in ${retryAfter} s.`
        })
      )
    })
  )
}

/** RATE_LIMIT by verified caller, counted in this replica. Stands inside Authentication, which knows the caller. */
export const RateLimitLive = Layer.effect(
  RateLimit,
  Effect.map(rateLimit, (rate) => {
    if (rate === undefined) return RateLimit.of((effect) => effect)
    const check = withinRate(rate)
    return RateLimit.of((effect) => Effect.andThen(check, effect))
  })
)
