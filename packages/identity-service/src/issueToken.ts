import type { Role, Token } from "@g-store/contracts/IdentityApi.ts"
import { UserId } from "@g-store/contracts/Ids.ts"
import {
  authAudience,
  authIssuer,
  authRoleClaim,
  authStaffValue,
  authUserClaim
} from "@g-store/service-kit/ServiceConfig.ts"
import { Clock, Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { DevelopmentKeys } from "./DevelopmentKeys.ts"

/** How long a token holds, in seconds. */
const LIFETIME_SECONDS = 3600

export interface TokenFor {
  /** Made up if absent. */
  readonly userId?: UserId | undefined
  readonly role: Role
}

/** Builds the function that issues tokens: for the API, and for the CLI's `token` command. */
export const makeIssueToken = Effect.gen(function*() {
  const { sign } = yield* DevelopmentKeys
  const random = yield* SecureRandom.SecureRandom
  const issuer = yield* authIssuer
  const audience = yield* authAudience
  const userClaim = yield* authUserClaim
  const roleClaim = yield* authRoleClaim
  const staffValue = yield* authStaffValue

  return ({ role, userId: given }: TokenFor): Effect.Effect<Token> =>
    Effect.gen(function*() {
      const userId = given ?? UserId.make(yield* random.uuidV7())
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const accessToken = yield* sign({
        iss: issuer,
        aud: audience,
        sub: userId,
        iat: now,
        exp: now + LIFETIME_SECONDS,
        // Under the names that verifiers were told to look for, which may differ from these defaults.
        [userClaim]: userId,
        [roleClaim]: role === "staff" ? staffValue : role
      })
      return { accessToken, tokenType: "Bearer", expiresIn: LIFETIME_SECONDS, userId }
    })
})

/** One token. */
export const issueToken = (request: TokenFor) => Effect.flatMap(makeIssueToken, (issue) => issue(request))
