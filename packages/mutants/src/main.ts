import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Console, Effect, Option, Queue, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import { catalogue } from "./Catalogue.ts"
import { compileAll } from "./Compilation.ts"
import type { Mutant } from "./Mutant.ts"
import { lineOf, tableOf, type Tried } from "./Report.ts"
import { judge, unfit, type Verdict } from "./Verdict.ts"
import { makeWorkbench, NotTried, type Workbench } from "./Workbench.ts"

/** `npm run mutants`: plants each defect of the catalogue in a copy of the tree and sees whether its tests catch it. */

class NotCaught extends Schema.TaggedError<NotCaught>()("NotCaught", { message: Schema.String }) {}

const root = fileURLToPath(new URL("../../..", import.meta.url))
const MUTANT_MILLIS = 240_000
const BASELINE_MILLIS = 900_000

const tryOne = Effect.fnUntraced(function*(bench: Workbench, { edits, without = [], witnesses }: Mutant) {
  const tested = bench.planted(
    edits,
    Effect.map(bench.test(witnesses, MUTANT_MILLIS), (report) => judge(report, witnesses))
  )
  if (without.length === 0) return yield* tested
  return yield* bench.planted(
    without,
    Effect.gen(function*() {
      const reason = unfit(yield* bench.test(witnesses, MUTANT_MILLIS), witnesses)
      return reason === undefined ? yield* tested : yield* new NotTried({ reason: `with its twin off, ${reason}` })
    })
  )
})

const program = Effect.fnUntraced(
  function*(options: {
    readonly only: Option.Option<string>
    readonly commit: Option.Option<string>
    readonly workers: number
    readonly list: boolean
  }) {
    const wanted = Option.getOrUndefined(options.only)?.split(",")
    const chosen = catalogue.filter(({ name }) => wanted === undefined || wanted.includes(name))
    const unknown = wanted?.filter((name) => !catalogue.some((mutant) => mutant.name === name)) ?? []
    if (unknown.length > 0) {
      return yield* new NotCaught({ message: `there is no mutant named ${unknown.join(" or ")}: see --list` })
    }
    const width = Math.max(...chosen.map(({ name }) => name.length))
    if (options.list) {
      for (const { guarantee, name } of chosen) yield* Console.log(`${name.padEnd(width)}  ${guarantee}`)
      return
    }
    const began = yield* Clock.currentTimeMillis
    const passed = (since: number) => Effect.map(Clock.currentTimeMillis, (now) => (now - since) / 1_000)
    const idle = yield* Queue.unbounded<Workbench>()
    for (let nth = 0; nth < Math.max(1, Math.min(options.workers, chosen.length)); nth++) {
      yield* Queue.offer(idle, yield* makeWorkbench(root, Option.getOrUndefined(options.commit)))
    }
    const atBench = <A, E>(work: (bench: Workbench) => Effect.Effect<A, E>) =>
      Effect.acquireUseRelease(Queue.take(idle), work, (bench) => Queue.offer(idle, bench))

    yield* Console.log(`${chosen.length} mutants; first they are compiled, and their tests run as they are`)
    const compiled = atBench(Effect.fnUntraced(function*(bench) {
      const known = new Set(yield* bench.compile)
      if (known.size > 0) {
        yield* Console.log(`the tree itself does not compile (${known.size} errors): these are overlooked`)
      }
      return yield* compileAll(bench, chosen, known)
    }))
    const tested = atBench((bench) => bench.test(chosen.flatMap(({ witnesses }) => witnesses), BASELINE_MILLIS))
    const [faults, baseline] = yield* Effect.all([compiled, tested], { concurrency: 2 })

    const tried = yield* Effect.forEach(chosen, (mutant) =>
      atBench(Effect.fnUntraced(function*(bench) {
        const since = yield* Clock.currentTimeMillis
        const sick = faults.get(mutant.name) ?? unfit(baseline, mutant.witnesses)
        const verdict: Verdict = yield* (sick === undefined
          ? tryOne(bench, mutant)
          : Effect.fail(new NotTried({ reason: sick }))).pipe(
            Effect.catchTag("NotTried", ({ reason }) => Effect.succeed({ _tag: "Error" as const, reason }))
          )
        const one: Tried = { mutant, verdict, seconds: yield* passed(since) }
        yield* Console.log(lineOf(one, width))
        return one
      })), { concurrency: "unbounded" })
    yield* Console.log(`\n${tableOf(tried, yield* passed(began))}`)
    const missed = tried.filter(({ verdict }) => verdict._tag !== "Caught").length
    if (missed > 0) return yield* new NotCaught({ message: `${missed} mutants were not caught` })
  },
  Effect.scoped
)

const mutants = Command.make("mutants", {
  only: Flag.String("only").pipe(Flag.withDescription("Names, with commas between"), Flag.optional),
  commit: Flag.String("commit").pipe(
    Flag.withDescription("Plant in this commit, not in the working tree"),
    Flag.optional
  ),
  workers: Flag.Int("workers").pipe(
    Flag.withDescription("How many are tried at the same time, each in a copy of its own"),
    Flag.withDefault(2)
  ),
  list: Flag.Boolean("list").pipe(Flag.withDescription("Name the mutants and what they break"), Flag.withDefault(false))
}, program)

Command.run(mutants, { version: "1.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
