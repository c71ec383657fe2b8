import { Config, Console, Effect, Option } from "effect"
import { loadavg } from "node:os"
import { parseArgs } from "node:util"
import { latency } from "./latency.ts"
import { compare } from "./sockets.ts"

/** See README.md here. */
const main = Effect.gen(function*() {
  const { values } = parseArgs({
    options: {
      sockets: { type: "string", default: "1000" },
      events: { type: "string", default: "200" },
      idle: { type: "string", default: "10000" },
      rounds: { type: "string", default: "3" }
    }
  })
  yield* Console.log(`load ${loadavg().map((load) => load.toFixed(1)).join(" ")}`)
  const gateway = yield* Config.option(Config.String("GATEWAY"))
  if (Option.isSome(gateway)) yield* Console.log("commit to socket", yield* latency(gateway.value))
  else yield* Console.log("commit to socket: set GATEWAY to the address of a running store")
  const lines = yield* compare({
    sockets: Number(values.sockets),
    events: Number(values.events),
    idle: Number(values.idle),
    rounds: Number(values.rounds)
  })
  for (const line of lines) yield* Console.log(line)
})

void Effect.runPromise(main)
