import { UserId } from "@g-store/contracts/Ids.ts"
import { TokenInvalid, TokenVerifier, type Verified } from "@g-store/service-kit/TokenVerifier.ts"
import { Effect, Layer, Option, Schema } from "effect"

/** Tokens that say who they stand for: `customer.<uuid>` and `staff.<name>`. Never for anything but tests. */
export const customerToken = (userId: string): string => `customer.${userId}`
export const staffToken = (name: string): string => `staff.${name}`

const decodeUserId = Schema.decodeOption(UserId)

const verified = (token: string): Verified | undefined => {
  const [kind, name = ""] = token.split(".")
  const expiresAt = Number.MAX_SAFE_INTEGER
  if (kind === "staff" && name !== "") return { caller: { _tag: "Staff", id: name }, expiresAt }
  const userId = decodeUserId(name)
  return kind === "customer" && Option.isSome(userId)
    ? { caller: { _tag: "Customer", userId: userId.value }, expiresAt }
    : undefined
}

/** Believes whatever a test token says. */
export const TestTokens = Layer.succeed(
  TokenVerifier,
  TokenVerifier.of({
    known: (token) => Effect.succeed(verified(token)),
    verify: (token) =>
      Effect.suspend(() => {
        const found = verified(token)
        return found === undefined
          ? Effect.fail(new TokenInvalid({ reason: "The token is none of the test's." }))
          : Effect.succeed(found)
      })
  })
)
