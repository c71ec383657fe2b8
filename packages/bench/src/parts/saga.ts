import { Console, Effect } from "effect"
import { type Goal, median } from "../Goal.ts"
import { generator } from "../load/Load.ts"
import { costText } from "../Measured.ts"
import type { Options } from "../Options.ts"
import { machine, record, recordedCost, voidReason } from "../Recorded.ts"
import { pgbenchSagas } from "./pgbench.ts"
import { type Sagas, sagas } from "./sagas.ts"
import { startStore } from "./store.ts"

const LIMIT = "saga"
const WARM_UP_SECONDS = 10
/** A stretch shorter than this is mostly its own beginning and end. */
const LEAST_SECONDS = 10

/** From POST to PAID in one process, all of it on, next to pgbench running the statements of it alone. */
export const saga = Effect.fnUntraced(function*(options: Options) {
  const limit = yield* pgbenchSagas
  const store = yield* startStore("saga", options)
  const load = yield* generator
  const seconds = Math.max(options.seconds, LEAST_SECONDS)
  yield* sagas(load, store, WARM_UP_SECONDS)
  yield* limit(2)
  const rounds: Array<{ readonly ours: Sagas; readonly limit: number }> = []
  for (let round = 1; round <= options.rounds; round++) {
    const alone = yield* limit(seconds)
    const ours = yield* sagas(load, store, seconds)
    rounds.push({ ours, limit: alone })
    yield* Console.log(
      `round ${round}: ours ${ours.rate.toFixed(0)} sagas/s, ${costText(ours.cost)} each, `
        + `${ours.transactions.toFixed(2)} transactions each, at most ${ours.longest} waiting; `
        + `pgbench ${alone.toFixed(0)}/s, ratio ${(ours.rate / alone).toFixed(2)}`
    )
  }
  yield* store.command("audit", "--settle", "10")
  yield* Console.log("audit: every invariant holds")
  // pgbench's own statements have no server to be charged to: what it takes is both cores, so its rate stands for cost.
  const cost = 1e6 / Math.max(...rounds.map((round) => round.limit))
  const recorded = yield* recordedCost(LIMIT)
  yield* Console.log(
    recorded === undefined ?
      `the limit: ${cost.toFixed(0)} us a saga; none recorded for ${machine()}` :
      `the limit: ${cost.toFixed(0)} us a saga, recorded ${recorded} us`
  )
  if (options.record) yield* record(LIMIT, cost)
  const isVoid = voidReason(recorded, cost)
  const goal: Goal = {
    what: "sustained sagas, in one process",
    measured: `${median(rounds.map(({ ours }) => ours.rate)).toFixed(0)}/s`,
    against: `${median(rounds.map((round) => round.limit)).toFixed(0)}/s of pgbench`,
    figure: median(rounds.map(({ limit: alone, ours }) => ours.rate / alone)),
    atLeast: 0.5,
    ...(isVoid === undefined ? {} : { void: isVoid })
  }
  return [goal]
}, Effect.scoped)
