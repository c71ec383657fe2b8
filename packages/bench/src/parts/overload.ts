import { Clock, Console, Effect } from "effect"
import { type Goal, median } from "../Goal.ts"
import { type Generator, generator } from "../load/Load.ts"
import { measure, type Round, roundText, type Side } from "../Measured.ts"
import type { Options } from "../Options.ts"
import { ordersServer } from "./orders.ts"

/** More connections than the server works on at once, so that a surplus reaches it. */
const CONNECTIONS = 1_500
const CALM = 0.1
const TIMES = 3
const WARM_UP_SECONDS = 10
const WINDOW_SECONDS = 0.25
const MOST_WINDOWS = 40

/** Answers other than 201 that do what was promised: 503 or 429, and when to come again. */
const shedProperly = ({ seen: { answers } }: Round) => {
  const others = Object.entries(answers).filter(([status]) => status !== "201")
  const all = others.reduce((sum, [, { count }]) => sum + count, 0)
  const proper = others.filter(([status]) => status === "503" || status === "429")
    .reduce((sum, [, { withRetryAfter }]) => sum + withRetryAfter, 0)
  return { all, share: all === 0 ? 1 : proper / all }
}

/** Milliseconds from the end of a surplus until calm requests are answered as before it. */
const recovery = Effect.fnUntraced(function*(load: Generator, side: Side, rate: number, usual: number) {
  const began = yield* Clock.currentTimeMillis
  for (let window = 0; window < MOST_WINDOWS; window++) {
    const from = (yield* Clock.currentTimeMillis) - began
    const calm = yield* measure(load, side, { connections: CONNECTIONS, rate, seconds: WINDOW_SECONDS })
    if (shedProperly(calm).all === 0 && calm.p99 <= usual) return from
  }
  return Number.POSITIVE_INFINITY
})

/** Three times as many orders as the server can take: what becomes of those it accepts, of the rest, and afterwards. */
export const overload = Effect.fnUntraced(function*(options: Options) {
  const side = yield* ordersServer("overload", options)
  const load = yield* generator
  yield* measure(load, side, { connections: 64, seconds: WARM_UP_SECONDS })
  const rounds: Array<{ readonly ratio: number; readonly share: number; readonly back: number }> = []
  const p99s: Array<string> = []
  for (let round = 1; round <= options.rounds; round++) {
    const capacity = (yield* measure(load, side, { connections: 64, seconds: options.seconds })).rate
    const calm = { connections: CONNECTIONS, rate: capacity * CALM, seconds: options.seconds }
    const unloaded = yield* measure(load, side, calm)
    const surplus = yield* measure(load, side, { ...calm, rate: capacity * TIMES })
    const back = yield* recovery(load, side, calm.rate, unloaded.p99 * 5)
    const { all, share } = shedProperly(surplus)
    rounds.push({ ratio: surplus.p99 / unloaded.p99, share, back })
    p99s.push(`${surplus.p99.toFixed(0)} of ${unloaded.p99.toFixed(0)}`)
    yield* Console.log(
      `round ${round}: capacity ${capacity.toFixed(0)}/s\n  calm  ${roundText(side, unloaded)}\n  x${TIMES}    ${
        roundText(side, surplus)
      }; ${all} refused, ${(share * 100).toFixed(1)} % of them properly; ${surplus.seen.unsent} could not be sent`
        + `\n  as before after ${back.toFixed(0)} ms`
    )
  }
  const goals: ReadonlyArray<Goal> = [
    {
      what: `accepted orders' p99 at ${TIMES}x capacity`,
      measured: `${p99s.join(", ")} ms`,
      against: `p99 at ${CALM}x capacity`,
      figure: median(rounds.map(({ ratio }) => ratio)),
      atMost: 5
    },
    {
      what: "refusals that are 503 or 429 with Retry-After",
      measured: rounds.map(({ share }) => `${(share * 100).toFixed(1)} %`).join(", "),
      against: "all refusals",
      figure: Math.min(...rounds.map(({ share }) => share)),
      atLeast: 1
    },
    {
      what: "calm again after the surplus",
      measured: `${rounds.map(({ back }) => back.toFixed(0)).join(", ")} ms`,
      against: "the clock",
      figure: median(rounds.map(({ back }) => back)),
      unit: "ms",
      atMost: 1_000
    }
  ]
  return goals
}, Effect.scoped)
