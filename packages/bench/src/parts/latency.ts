import { Console, Effect } from "effect"
import { type Goal, median } from "../Goal.ts"
import { clientOf } from "../Ground.ts"
import { generator } from "../load/Load.ts"
import { measure, roundText } from "../Measured.ts"
import type { Options } from "../Options.ts"
import { startStore, storeDatabases } from "./store.ts"

const RATE = 200
const CONNECTIONS = 400
const WARM_UP_SECONDS = 15

/**
 * From the moment that a POST was due, at 200 orders a second that come whether or not the earlier ones are done, to
 * the commit that made the order PAID, by the database's clock, which is this machine's.
 */
export const latency = Effect.fnUntraced(function*(options: Options) {
  const store = yield* startStore("latency", options)
  const sql = yield* clientOf((yield* storeDatabases("latency")).orders)
  const load = yield* generator
  const take = (seconds: number) =>
    measure(load, store.side, { connections: CONNECTIONS, rate: RATE, seconds, remember: true })
  const paidIn = Effect.fnUntraced(function*(due: ReadonlyMap<string, number>) {
    yield* store.drained
    const rows = yield* sql<{ id: string; paid: number }>`
      SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 * 1000 AS paid
      FROM orders WHERE id = ANY(${[...due.keys()]}::uuid[]) AND status = 'PAID'`
    return rows.map(({ id, paid }) => paid - (due.get(id) ?? Number.NaN)).toSorted((a, b) => a - b)
  })
  yield* take(WARM_UP_SECONDS)
  const rounds: Array<{ readonly p50: number; readonly p99: number }> = []
  for (let round = 1; round <= options.rounds; round++) {
    const posted = yield* take(Math.max(options.seconds, 10))
    const millis = yield* paidIn(new Map(posted.seen.orders.map(({ due, id }) => [id, due])))
    const at = (share: number) => millis[Math.floor(millis.length * share)] ?? Number.NaN
    rounds.push({ p50: at(0.5), p99: at(0.99) })
    yield* Console.log(
      `round ${round}: PAID p50 ${at(0.5).toFixed(1)} p99 ${
        at(0.99).toFixed(1)
      } ms of ${millis.length} orders; the POST's own: `
        + roundText(store.side, posted)
    )
  }
  const goal = (name: "p50" | "p99", atMost: number): Goal => ({
    what: `POST to PAID, ${name} at ${RATE} orders/s, in one process`,
    measured: `rounds ${rounds.map((round) => round[name].toFixed(1)).join(", ")} ms`,
    against: "the clock",
    figure: median(rounds.map((round) => round[name])),
    unit: "ms",
    atMost
  })
  return [goal("p50", 15), goal("p99", 100)]
}, Effect.scoped)
