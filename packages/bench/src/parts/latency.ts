import { Console, Effect } from "effect"
import type { Goal } from "../Goal.ts"
import { median } from "../Goal.ts"
import type { Options } from "../Options.ts"
import { startStore } from "./store.ts"

const RATE = 200
const line = /POST to PAID\s+p50 ([\d.]+) ms, p99 ([\d.]+) ms \((\d+) orders watched\)/

/** From a POST to PAID at 200 orders a second that come whether or not the earlier ones are done, as `demo` sees it. */
export const latency = Effect.fnUntraced(function*(options: Options) {
  // One member of the demo's staff does the work of many.
  const store = yield* startStore("latency", options, { RATE_LIMIT: "off" })
  const orders = Math.ceil(RATE * Math.max(options.seconds, 10))
  const demo = (count: number) =>
    store.command("demo", "--orders", String(count), "--rate", String(RATE), "--url", store.gateway)
  yield* demo(RATE * 5)
  const rounds: Array<{ readonly p50: number; readonly p99: number }> = []
  for (let round = 1; round <= options.rounds; round++) {
    const [, p50, p99, watched] = line.exec(yield* demo(orders)) ?? []
    if (p50 === undefined || p99 === undefined) return yield* Effect.die(new Error("demo printed no POST to PAID"))
    rounds.push({ p50: Number(p50), p99: Number(p99) })
    yield* Console.log(`round ${round}: p50 ${p50} ms, p99 ${p99} ms of ${watched} watched orders`)
  }
  const goal = (name: "p50" | "p99", atMost: number): Goal => ({
    what: `POST to PAID ${name} at ${RATE} orders/s, in one process`,
    measured: `rounds ${rounds.map((round) => round[name]).join(", ")} ms`,
    against: "the clock",
    figure: median(rounds.map((round) => round[name])),
    unit: "ms",
    atMost
  })
  return [goal("p50", 15), goal("p99", 100)]
}, Effect.scoped)
