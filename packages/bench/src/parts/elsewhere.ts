import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import type { Goal } from "../Goal.ts"
import type { Options } from "../Options.ts"
import { program } from "../Program.ts"

/** Benches that live with what they measure; their own lines are shown, and their figures taken into the table. */

const run = (file: string, args: ReadonlyArray<string>) =>
  Effect.scoped(Effect.flatMap(
    program({ args: [fileURLToPath(import.meta.resolve(file)), ...args], shown: true }),
    ({ output }) => output
  ))

const figure = (found: string | undefined): number => found === undefined ? Number.NaN : Number(found)

/** The relay onto Kafka, next to bare batches. Needs Java and Maven, or KAFKA_BROKERS. */
export const relay = Effect.fnUntraced(function*({ rounds }: Options) {
  const output = yield* run("../../../messaging/test/bench/relay.ts", [String(rounds)])
  const goal: Goal = {
    what: "relay drains onto Kafka",
    measured: "see its lines",
    against: "bare batches to the same broker",
    figure: figure(/median of the ratios ([\d.]+)/.exec(output)?.[1]),
    atLeast: 0.5
  }
  return [goal]
})

/** The live updates' sockets, next to bare `ws`. */
export const sockets = Effect.fnUntraced(function*({ rounds }: Options) {
  const output = yield* run("../../../order-notification-service/test/bench/main.ts", ["--rounds", String(rounds)])
  const lines = output.split("\n").flatMap((text): ReadonlyArray<Goal> => {
    const [, what, measured, against, ratio, goal] =
      /^([^:]+): ([^,]+), (bare ws [^:]+): ([\d.]+) \(goal ([\d.]+)\)/.exec(text) ?? []
    if (what === undefined || measured === undefined || against === undefined) return []
    return [{ what: `sockets, ${what}`, measured, against, figure: figure(ratio), atMost: Number(goal) }]
  })
  if (lines.length === 0) return yield* Effect.die(new Error("the sockets' bench printed no figure that is understood"))
  return lines
})
