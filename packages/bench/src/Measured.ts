import { Effect } from "effect"
import { Ground } from "./Ground.ts"
import type { Generator } from "./load/Load.ts"
import type { Answers, Plan, Seen } from "./load/Plan.ts"
import { type Cost, processorSeconds, total } from "./ProcessorTime.ts"

/** A server under load. */
export interface Side {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly path: string
  readonly identities: ReadonlyArray<string>
}

/** What a round of load gave. */
export interface Round {
  readonly seen: Seen
  /** Answers of 201 a second. */
  readonly rate: number
  readonly p50: number
  readonly p99: number
  /** Microseconds of processor time for each 201. */
  readonly cost: Cost
}

export const BODY = "{\"amount\":1000}"

/** Processor time of the server, PostgreSQL and the generator over a piece of work that gives a number of operations. */
export const costOf = Effect.fnUntraced(
  function*<A, E, R>(
    serverPid: number,
    work: Effect.Effect<A, E, R>,
    operations: (done: A) => { readonly count: number; readonly loadMillis: number }
  ) {
    const { postgresPid } = yield* Ground
    const usage = Effect.all({ server: processorSeconds(serverPid), postgres: processorSeconds(postgresPid) })
    const before = yield* usage
    const done = yield* work
    const after = yield* usage
    const { count, loadMillis } = operations(done)
    const micros = (seconds: number) => seconds * 1e6 / count
    const cost: Cost = {
      server: micros(after.server - before.server),
      postgres: micros(after.postgres - before.postgres),
      load: micros(loadMillis / 1_000)
    }
    return { done, cost }
  }
)

const none: Answers = { count: 0, inTime: 0, p50: Number.NaN, p99: Number.NaN, withRetryAfter: 0 }

/** One round of requests to a server. */
export const measure = Effect.fnUntraced(
  function*(load: Generator, side: Side, how: Pick<Plan, "connections" | "seconds" | "rate" | "remember">) {
    const { identities, path, port } = side
    const { cost, done: seen } = yield* costOf(
      side.pid,
      load.run({ port, path, identities, body: BODY, ...how }),
      (done) => ({ count: done.answers["201"]?.count ?? 0, loadMillis: done.cpuMillis })
    )
    const accepted = seen.answers["201"] ?? none
    return { seen, rate: accepted.inTime / seen.seconds, p50: accepted.p50, p99: accepted.p99, cost } satisfies Round
  }
)

export const costText = (cost: Cost): string =>
  `${total(cost).toFixed(0)} us (server ${cost.server.toFixed(0)}, PostgreSQL ${cost.postgres.toFixed(0)}; `
  + `load generator ${cost.load.toFixed(0)})`

/** A round as a line to read. */
export const roundText = (side: Side, { cost, p50, p99, rate, seen }: Round): string => {
  const others = Object.entries(seen.answers).filter(([status]) => status !== "201")
  const also = others.map(([status, { count }]) => `, ${count} answers ${status}`).join("")
  const silent = seen.silent === 0 ? "" : `, ${seen.silent} without an answer`
  return `${side.name.padEnd(5)} ${rate.toFixed(0).padStart(6)}/s  p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} ms  `
    + `${costText(cost)}${also}${silent}`
}
