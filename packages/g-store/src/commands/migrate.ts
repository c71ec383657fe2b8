import { migrations as notifications } from "@g-store/order-notification-service/migrations.ts"
import { migrations as orders } from "@g-store/order-service/adapters/migrations.ts"
import { migrations as payments } from "@g-store/payment-service/adapters/migrations.ts"
import { logging } from "@g-store/service-kit/Logging.ts"
import { migrate as bring, schemaVersion } from "@g-store/service-kit/Migrations.ts"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { makeConnected } from "./Inside.ts"

const records = [["orders", orders], ["payments", payments], ["notifications", notifications]] as const

export const migrate = Command.make(
  "migrate",
  {},
  Effect.fnUntraced(
    function*() {
      const inside = yield* makeConnected
      for (const [name, record] of records) {
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
