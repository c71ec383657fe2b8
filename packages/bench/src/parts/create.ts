import { Console, Effect, Redacted } from "effect"
import { type Goal, median } from "../Goal.ts"
import { freePort, Ground, runScript } from "../Ground.ts"
import { limitFile, limitText } from "../Limits.ts"
import { generator } from "../load/Load.ts"
import { costText, measure, type Round, roundText, type Side } from "../Measured.ts"
import type { Options } from "../Options.ts"
import { type Cost, total } from "../ProcessorTime.ts"
import { program } from "../Program.ts"
import { machine, record, recordedCost, voidReason } from "../Recorded.ts"
import { ordersServer } from "./orders.ts"

const LIMIT = "create"
const WARM_UP_SECONDS = 10

const bar = Effect.gen(function*() {
  const ground = yield* Ground
  const url = yield* ground.database("bar")
  yield* runScript(url, yield* limitText("create.sql"))
  const port = yield* freePort
  const server = yield* program({
    args: [limitFile("create.mjs")],
    env: { DATABASE_URL: Redacted.value(url), HTTP_PORT: String(port) }
  })
  yield* server.printed("listening")
  const identities = Array.from({ length: 190 }, (_, nth) => `x-user: ${nth}`)
  return { name: "limit", pid: server.pid, port, path: "/", identities } satisfies Side
})

interface Pair {
  readonly connections: number
  readonly ours: Round
  readonly limit: Round
}

const goalOf = (pairs: ReadonlyArray<Pair>, connections: number, isVoid: string | undefined): Goal => {
  const these = pairs.filter((pair) => pair.connections === connections)
  const alone = connections === 1
  const value = ({ p50, rate }: Round) => alone ? p50 : rate
  const middle = (side: "ours" | "limit") => median(these.map((pair) => value(pair[side])))
  const unit = (figure: number) => alone ? `${figure.toFixed(2)} ms` : `${figure.toFixed(0)}/s`
  return {
    what: alone ? "create order, p50 at 1 connection" : `create orders at ${connections} connections`,
    measured: unit(middle("ours")),
    against: `${unit(middle("limit"))} of node:http and pg with one statement`,
    figure: median(these.map(({ limit, ours }) => value(ours) / value(limit))),
    ...(alone ? { atMost: 1.5 } : { atLeast: 1.3 }),
    ...(isVoid === undefined ? {} : { void: isVoid })
  }
}

/** POST of an order: order-service as it ships, nothing consumed, next to the least that a Node server can do. */
export const create = Effect.fnUntraced(function*(options: Options) {
  const limit = yield* bar
  const ours = yield* ordersServer("ours", options)
  const load = yield* generator
  // Ours compiles more, and for longer.
  for (const side of [limit, ours]) yield* measure(load, side, { connections: 32, seconds: WARM_UP_SECONDS })
  const pairs: Array<Pair> = []
  for (let round = 1; round <= options.rounds; round++) {
    for (const connections of options.connections) {
      const take = (side: Side) => measure(load, side, { connections, seconds: options.seconds })
      // Who comes first changes, for what one leaves to be done (a checkpoint, say) is paid by the other.
      const first = round % 2 === 1
      const early = yield* take(first ? limit : ours)
      const late = yield* take(first ? ours : limit)
      const pair: Pair = { connections, ...(first ? { limit: early, ours: late } : { limit: late, ours: early }) }
      pairs.push(pair)
      yield* Console.log(`round ${round}, ${connections} connections`)
      yield* Console.log(`  ${roundText(limit, pair.limit)}\n  ${roundText(ours, pair.ours)}`)
    }
  }
  // The least is the nearest to what the work itself costs; what else the machine did can only add to it.
  const cost = Math.min(
    ...pairs.filter((pair) => pair.connections > 1 || options.connections.length === 1).map((pair) =>
      total(pair.limit.cost)
    )
  )
  const recorded = yield* recordedCost(LIMIT)
  yield* Console.log(
    recorded === undefined
      ? `the limit's cost: ${
        cost.toFixed(0)
      } us; none is recorded for ${machine()}: --record on a quiet machine keeps it`
      : `the limit's cost: ${cost.toFixed(0)} us, recorded ${recorded} us`
  )
  if (options.record) yield* record(LIMIT, cost)
  for (const connections of options.connections) {
    for (const side of ["limit", "ours"] as const) {
      const costs = pairs.filter((pair) => pair.connections === connections).map((pair) => pair[side].cost)
      const of = (what: keyof Cost) => median(costs.map((one) => one[what]))
      const text = costText({ server: of("server"), postgres: of("postgres"), load: of("load") })
      yield* Console.log(`${side.padEnd(5)} at ${connections} connections: ${text} a 201`)
    }
  }
  const isVoid = voidReason(recorded, cost)
  return options.connections.map((connections) => goalOf(pairs, connections, isVoid))
}, Effect.scoped)
