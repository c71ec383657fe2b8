import { UserId } from "@g-store/contracts/Ids.ts"
import { DevelopmentKeys } from "@g-store/identity-service/DevelopmentKeys.ts"
import { issueToken } from "@g-store/identity-service/issueToken.ts"
import { environment, optionalAuthJwksUrl } from "@g-store/service-kit/ServiceConfig.ts"
import { refuse } from "@g-store/service-kit/Variable.ts"
import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { join } from "node:path"
import { dataDir } from "../StoreConfig.ts"

const uuid = Schema.decodeOption(UserId)

/** Fails where nobody would take a token of ours: the store's comes from elsewhere. */
const ourOwn = Effect.gen(function*() {
  if ((yield* environment) === "production") {
    return yield* Effect.fail(
      refuse("GSTORE_ENV", "production takes no token of the development identity provider: ask the real one")
    )
  }
  const elsewhere = yield* optionalAuthJwksUrl
  if (Option.isSome(elsewhere)) {
    return yield* Effect.fail(
      refuse("AUTH_JWKS_URL", `tokens come from the provider whose keys are at ${elsewhere.value}: ask that one`)
    )
  }
})

export const token = Command.make(
  "token",
  {
    user: Flag.String("user").pipe(
      Flag.filterMap(uuid, () => "Expected a UUID"),
      Flag.withDescription("The user's UUID")
    ),
    role: Flag.Literals("role", ["customer", "staff"]).pipe(Flag.withDefault("customer"))
  },
  Effect.fnUntraced(function*({ role, user }) {
    yield* ourOwn
    const { accessToken } = yield* issueToken({ userId: user, role }).pipe(
      Effect.provide(DevelopmentKeys.layer(join(yield* dataDir, "identity")))
    )
    yield* Console.log(accessToken)
  })
).pipe(Command.withDescription("Print a token of the development identity provider"))
