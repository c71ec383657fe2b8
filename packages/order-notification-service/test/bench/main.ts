import { Config, Console, Effect, Option } from "effect"
import { loadavg } from "node:os"
import { latency } from "./latency.ts"
import { frameRates } from "./sockets.ts"

/** `pnpm bench`; with GATEWAY=http://127.0.0.1:8080 of a running store also how long its updates take. */
const main = Effect.gen(function*() {
  yield* Console.log(`load ${loadavg().map((load) => load.toFixed(1)).join(" ")}`)
  const gateway = yield* Config.option(Config.String("GATEWAY"))
  if (Option.isSome(gateway)) yield* Console.log("latency", yield* latency(gateway.value))
  else yield* Console.log("latency: set GATEWAY to the address of a running store")
  for (const { bare, edge } of yield* frameRates) {
    yield* Console.log(`frames a second: edge ${edge}, bare ws ${bare} (${(edge / bare).toFixed(2)})`)
  }
})

void Effect.runPromise(main)
