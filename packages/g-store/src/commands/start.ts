import { launch } from "@g-store/messaging/Supervisor.ts"
import { logging } from "@g-store/service-kit/Logging.ts"
import { Effect, Layer } from "effect"
import { Command } from "effect/cli"

export const start = Command.make(
  "start",
  {},
  Effect.fnUntraced(function*() {
    const { AllInOne } = yield* Effect.promise(() => import("../AllInOne.ts"))
    return yield* launch(AllInOne.pipe(Layer.provide(logging("g-store"))))
  })
).pipe(Command.withDescription("Run the whole store in this process"))
