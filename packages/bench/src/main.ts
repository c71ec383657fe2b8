import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Option, References, Result, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { availableParallelism, loadavg } from "node:os"
import { type Goal, table } from "./Goal.ts"
import { Ground } from "./Ground.ts"
import { frozen, hashOf } from "./Limits.ts"
import type { Options } from "./Options.ts"
import { create } from "./parts/create.ts"
import { relay, sockets } from "./parts/elsewhere.ts"
import { latency } from "./parts/latency.ts"
import { million } from "./parts/million.ts"
import { overload } from "./parts/overload.ts"
import { saga } from "./parts/saga.ts"
import { machine } from "./Recorded.ts"

/** `npm run bench`: see README.md beside this package. */

/** Some parts lack what they need, or broke: exit code 1. A goal that is missed is a figure, not a failure. */
class NotMeasured extends Schema.TaggedError<NotMeasured>()("NotMeasured", { parts: Schema.Array(Schema.String) }) {
  override get message(): string {
    return `not measured: ${this.parts.join(", ")}`
  }
}

const parts = { create, saga, latency, overload, million, relay, sockets }

const now = () => loadavg().map((one) => one.toFixed(2)).join(" ")

const program = Effect.fnUntraced(
  function*(names: ReadonlyArray<keyof typeof parts>, options: Options) {
    const { postgresVersion } = yield* Ground
    yield* Console.log(`machine ${machine()}, PostgreSQL ${postgresVersion}, ${availableParallelism()} cores`)
    for (const name of frozen) yield* Console.log(`limit ${name} sha256 ${yield* hashOf(name)}`)
    const goals: Array<Goal> = []
    const failed: Array<string> = []
    for (const name of names) {
      yield* Console.log(`\n== ${name}: ${options.rounds} rounds, load ${now()}`)
      const part: Effect.Effect<ReadonlyArray<Goal>, { readonly message: string }, Ground> = parts[name](options)
      const measured = yield* Effect.result(part)
      if (Result.isSuccess(measured)) goals.push(...measured.success)
      else {
        failed.push(name)
        yield* Console.error(`${name} could not be measured: ${measured.failure.message}`)
      }
    }
    yield* Console.log(`\nload ${now()}\n${table(goals)}`)
    if (failed.length > 0) return yield* new NotMeasured({ parts: failed })
  },
  Effect.provide(Ground.layer),
  Effect.provideService(References.MinimumLogLevel, "Warn")
)

const names = Object.keys(parts) as ReadonlyArray<keyof typeof parts>

const bench = Command.make(
  "bench",
  {
    parts: Argument.Literals("part", names).pipe(
      Argument.withDescription("What to measure; everything if absent"),
      Argument.variadic()
    ),
    rounds: Flag.Int("rounds").pipe(Flag.withDescription("How often both sides take their turns"), Flag.withDefault(5)),
    seconds: Flag.Finite("seconds").pipe(Flag.withDescription("Of one side in one round"), Flag.withDefault(4)),
    connections: Flag.String("connections").pipe(
      Flag.withDescription("Of the part `create`, with commas between"),
      Flag.withDefault("1,32,64"),
      Flag.map((text) => text.split(",").map(Number))
    ),
    stored: Flag.Int("orders").pipe(
      Flag.withDescription("Orders that are stored before `million` measures"),
      Flag.withDefault(1_000_000)
    ),
    record: Flag.Boolean("record").pipe(
      Flag.withDescription("Keep the limits' costs for this kind of machine: only when it does nothing else"),
      Flag.withDefault(false)
    ),
    profile: Flag.String("profile").pipe(
      Flag.withDescription("Write processor profiles of our servers into this folder"),
      Flag.optional
    )
  },
  ({ parts: chosen, profile, ...options }) =>
    program(chosen.length === 0 ? names : chosen, { ...options, profile: Option.getOrUndefined(profile) })
)

Command.run(bench, { version: "1.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
