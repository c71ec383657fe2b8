import { UserId } from "@g-store/contracts/Ids.ts"
import { DevelopmentKeys } from "@g-store/identity-service/DevelopmentKeys.ts"
import { issueToken } from "@g-store/identity-service/issueToken.ts"
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { join } from "node:path"
import { dataDir } from "../StoreConfig.ts"

const uuid = Schema.decodeOption(UserId)

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
    const { accessToken } = yield* issueToken({ userId: user, role }).pipe(
      Effect.provide(DevelopmentKeys.layer(join(yield* dataDir, "identity")))
    )
    yield* Console.log(accessToken)
  })
).pipe(Command.withDescription("Print a token of the development identity provider"))
