import { logging } from "@g-store/service-kit/Logging.ts"
import { migrate as bring, schemaVersion } from "@g-store/service-kit/Migrations.ts"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { schemas } from "../Schemas.ts"
import { databaseNames } from "../StoreConfig.ts"
import { makeConnected } from "./Inside.ts"

export const migrate = Command.make(
  "migrate",
  {},
  Effect.fnUntraced(
    function*() {
      const inside = yield* makeConnected
      for (const name of databaseNames) {
        const record = schemas[name]
        const applied = yield* inside(name, bring(record))
        yield* Console.log(
          applied.length === 0
            ? `${name}: at version ${schemaVersion(record)} already`
            : `${name}: ${applied.map(([id, step]) => `${id}_${step}`).join(", ")}`
        )
      }
    },
    Effect.scoped,
    Effect.provide(logging("migrate"))
  )
).pipe(Command.withDescription("Bring every database to the schema of this version"))
