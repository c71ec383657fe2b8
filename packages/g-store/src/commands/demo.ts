import { hostInUrl, isAnyAddress } from "@g-store/service-kit/HostInUrl.ts"
import { Effect, Layer, Option, Runtime, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { runDemo } from "../demo/Demo.ts"
import { StoreClient } from "../demo/StoreClient.ts"
import { Tally } from "../demo/Tally.ts"
import { Journal } from "../Journal.ts"
import { addresses, gatewayUrl } from "../StoreConfig.ts"
import { httpAddress, within } from "./flags.ts"

/** Some orders could not be played to their end: exit code 1. */
class DemoFailed extends Schema.TaggedError<DemoFailed>()("DemoFailed", { failures: Schema.Int }) {
  override get [CliError.userMessage]() {
    return `${this.failures} orders could not be played to their end`
  }
  override readonly [Runtime.errorExitCode] = 1
}

const many = within(1, 10_000_000)

export const demo = Command.make(
  "demo",
  {
    orders: Flag.Int("orders").pipe(
      many,
      Flag.withDescription("How many orders to place"),
      Flag.withDefault(1000)
    ),
    rate: Flag.Finite("rate").pipe(
      within(0.001, 100_000),
      Flag.withDescription("Orders a second, open loop"),
      Flag.withDefault(100)
    ),
    customers: Flag.Int("customers").pipe(
      many,
      Flag.withDescription("How many customers share them"),
      Flag.withDefault(50)
    ),
    journal: Flag.String("journal").pipe(
      Flag.withDescription("Append every acknowledged 201 and 204 to this file, for audit --journal"),
      Flag.optional
    ),
    url: Flag.String("url").pipe(
      httpAddress,
      Flag.withDescription("The gateway; GATEWAY_URL, then that of npm start if absent"),
      Flag.optional
    ),
    patience: Flag.Finite("patience").pipe(
      within(0, 86_400),
      Flag.withDescription("Seconds to go on repeating a call that a restarting store does not answer"),
      Flag.withDefault(60)
    )
  },
  Effect.fnUntraced(function*({ customers, journal, orders, patience, rate, url }) {
    const { gatewayPort, host } = yield* addresses
    const configured = yield* gatewayUrl
    const gateway = Option.getOrElse(
      Option.orElse(url, () => configured),
      () => `http://${hostInUrl(isAnyAddress(host) ? "127.0.0.1" : host)}:${gatewayPort}`
    )
    const failures = yield* runDemo({ orders, rate, customers }).pipe(
      Effect.provide(Layer.mergeAll(
        StoreClient.layer(gateway.replace(/\/$/, ""), `${patience} seconds`),
        Tally.layer,
        Option.match(journal, { onNone: () => Journal.layerNone, onSome: Journal.layerFile })
      ))
    )
    if (failures > 0) return yield* new DemoFailed({ failures })
  })
).pipe(Command.withDescription("Drive a live, mixed load through the public API"))
