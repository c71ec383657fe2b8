import { Console, Effect } from "effect"
import { type Goal, median } from "../Goal.ts"
import { generator } from "../load/Load.ts"
import { costText } from "../Measured.ts"
import type { Options } from "../Options.ts"
import { total } from "../ProcessorTime.ts"
import { fill } from "./fill.ts"
import { type Sagas, sagas } from "./sagas.ts"
import { startStore } from "./store.ts"

const FEW = 1_000
const WARM_UP_SECONDS = 10

/** What an order costs, from POST to PAID, in a store that holds many and in one that holds few. */
export const million = Effect.fnUntraced(function*(options: Options) {
  yield* fill("few", FEW)
  yield* fill("many", options.stored)
  yield* Console.log(`${options.stored} and ${FEW} orders are stored`)
  // The standing audit of the one would be charged to the other: both stand on one server.
  const stores = { few: yield* startStore("few", options, "off"), many: yield* startStore("many", options, "off") }
  const load = yield* generator
  for (const store of [stores.few, stores.many]) yield* sagas(load, store, WARM_UP_SECONDS)
  const rounds: Array<{ readonly few: Sagas; readonly many: Sagas }> = []
  for (let round = 1; round <= options.rounds; round++) {
    const few = yield* sagas(load, stores.few, options.seconds)
    const many = yield* sagas(load, stores.many, options.seconds)
    rounds.push({ few, many })
    yield* Console.log(`round ${round}`)
    yield* Console.log(`  few   ${few.rate.toFixed(0)}/s, ${costText(few.cost)}`)
    yield* Console.log(`  many  ${many.rate.toFixed(0)}/s, ${costText(many.cost)}`)
  }
  yield* stores.many.command("audit", "--settle", "10")
  yield* Console.log("audit of the store with many: every invariant holds")
  const middle = (which: "few" | "many") => `${median(rounds.map((round) => total(round[which].cost))).toFixed(0)} us`
  const goal: Goal = {
    what: `processor time of an order with ${options.stored} stored`,
    measured: middle("many"),
    against: `${middle("few")} with ${FEW} stored`,
    figure: median(rounds.map(({ few, many }) => total(many.cost) / total(few.cost))),
    atMost: 1.3
  }
  return [goal]
}, Effect.scoped)
