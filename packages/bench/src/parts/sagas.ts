import { Clock, Effect, Fiber, Schedule } from "effect"
import type { Generator } from "../load/Load.ts"
import { BODY, costOf } from "../Measured.ts"
import type { Cost } from "../ProcessorTime.ts"
import type { Store } from "./store.ts"

/** Orders that may wait for their payment: with more, posting waits, so no backlog grows and the rate is sustained. */
const MOST_WAITING = 500
const CONNECTIONS = 32
/** Counting costs PostgreSQL a millisecond, and that is charged to the sagas. */
const POLL = "100 millis"

/** A stretch of whole sagas, from a POST to PAID. */
export interface Sagas {
  /** Whole sagas a second, the draining of the last ones included. */
  readonly rate: number
  /** Processor time of a saga. */
  readonly cost: Cost
  /** The longest that the backlog was. */
  readonly longest: number
  /** Transactions of the store's databases for a saga. */
  readonly transactions: number
}

/** Posts orders as fast as their payments keep up, and waits until the last one is PAID. */
export const sagas = Effect.fnUntraced(
  function*(load: Generator, { backlog, drained, side, transactions }: Store, seconds: number) {
    const { identities, path, port } = side
    let longest = 0
    const before = yield* transactions
    const began = yield* Clock.currentTimeMillis
    const { cost, done } = yield* costOf(
      side.pid,
      Effect.gen(function*() {
        let held = false
        const watching = yield* backlog.pipe(
          Effect.tap((waiting) => {
            longest = Math.max(longest, waiting)
            const hold = waiting > MOST_WAITING
            if (hold === held) return Effect.void
            held = hold
            return load.say(hold ? "hold" : "go on")
          }),
          Effect.repeat(Schedule.spaced(POLL)),
          Effect.forkChild
        )
        const seen = yield* load.run({ port, path, identities, body: BODY, connections: CONNECTIONS, seconds })
        yield* Fiber.interrupt(watching)
        yield* drained
        const took = ((yield* Clock.currentTimeMillis) - began) / 1_000
        return { seen, took }
      }),
      ({ seen }) => ({ count: seen.answers["201"]?.count ?? 0, loadMillis: seen.cpuMillis })
    )
    const count = done.seen.answers["201"]?.count ?? 0
    return {
      rate: count / done.took,
      cost,
      longest,
      transactions: ((yield* transactions) - before) / count
    } satisfies Sagas
  }
)
