import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { OutboxPostgres } from "@g-store/messaging/postgres/OutboxPostgres.ts"
import { Console, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { makeInside } from "./Inside.ts"

const status = Command.make(
  "status",
  {},
  Effect.fnUntraced(function*() {
    const inside = yield* makeInside
    for (const name of ["orders", "payments"] as const) {
      const topics = yield* inside(
        name,
        Effect.flatMap(OutboxStore, (store) => store.status).pipe(Effect.provide(Layer.fresh(OutboxPostgres)))
      )
      if (topics.length === 0) yield* Console.log(`${name}: empty`)
      for (const { depth, oldestMillis, topic } of topics) {
        yield* Console.log(`${name}: ${depth} for ${topic}, the oldest waits for ${(oldestMillis / 1000).toFixed(1)} s`)
      }
    }
  }, Effect.scoped)
).pipe(Command.withDescription("Show what waits to be published"))

export const outbox = Command.make("outbox").pipe(
  Command.withDescription("Messages on their way to the bus"),
  Command.withSubcommands([status])
)
