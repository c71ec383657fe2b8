import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import { catalogue } from "./Catalogue.ts"
import type { Mutant } from "./Mutant.ts"
import { judge, unfit, type Verdict } from "./Verdict.ts"
import { makeWorkbench, NotTried, type Workbench } from "./Workbench.ts"

/** `npm run mutants`: plants each defect of the catalogue in a copy of the tree and sees whether its tests catch it. */

class NotCaught extends Schema.TaggedError<NotCaught>()("NotCaught", { message: Schema.String }) {}

const root = fileURLToPath(new URL("../../..", import.meta.url))
const MUTANT_MILLIS = 240_000
const BASELINE_MILLIS = 900_000

const tryOne = Effect.fnUntraced(function*(bench: Workbench, mutant: Mutant, known: ReadonlySet<string>) {
  const { edits, without = [], witnesses } = mutant
  const tested = bench.planted(
    edits,
    Effect.gen(function*() {
      const wrong = (yield* bench.compile).find((line) => !known.has(line))
      if (wrong !== undefined) return yield* new NotTried({ reason: `does not compile: ${wrong}` })
      return judge(yield* bench.test(witnesses, MUTANT_MILLIS), witnesses)
    })
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

const lineOf = ({ name }: Mutant, verdict: Verdict, seconds: number, width: number): string => {
  const said = verdict._tag === "Caught" ? verdict.by.map((test) => `"${test}"`).join(", ") : verdict.reason
  return `${verdict._tag.padEnd(8)} ${name.padEnd(width)} ${seconds.toFixed(0).padStart(4)} s  ${said}`
}

const program = Effect.fnUntraced(
  function*(
    options: { readonly only: Option.Option<string>; readonly commit: Option.Option<string>; readonly list: boolean }
  ) {
    const wanted = Option.getOrUndefined(options.only)?.split(",")
    const chosen = catalogue.filter(({ name }) => wanted === undefined || wanted.includes(name))
    if (chosen.length === 0) {
      return yield* new NotCaught({ message: `there is no mutant named ${wanted?.join(" or ")}` })
    }
    const width = Math.max(...chosen.map(({ name }) => name.length))
    if (options.list) {
      for (const { guarantee, name } of chosen) yield* Console.log(`${name.padEnd(width)}  ${guarantee}`)
      return
    }
    const bench = yield* makeWorkbench(root, Option.getOrUndefined(options.commit))
    const known = new Set(yield* bench.compile)
    if (known.size > 0) {
      yield* Console.log(`the tree itself does not compile (${known.size} errors): these are overlooked`)
    }
    const witnesses = chosen.flatMap((mutant) => mutant.witnesses)
    yield* Console.log(`${chosen.length} mutants; first their tests as they are`)
    const baseline = yield* bench.test(witnesses, BASELINE_MILLIS)
    let missed = 0
    for (const mutant of chosen) {
      const began = yield* Clock.currentTimeMillis
      const sick = unfit(baseline, mutant.witnesses)
      const verdict: Verdict = yield* (sick === undefined
        ? tryOne(bench, mutant, known)
        : Effect.fail(new NotTried({ reason: sick }))).pipe(
          Effect.catchTag("NotTried", ({ reason }) => Effect.succeed({ _tag: "Error" as const, reason }))
        )
      if (verdict._tag !== "Caught") missed++
      yield* Console.log(lineOf(mutant, verdict, ((yield* Clock.currentTimeMillis) - began) / 1_000, width))
    }
    yield* Console.log(`${chosen.length - missed} of ${chosen.length} mutants were caught`)
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
  list: Flag.Boolean("list").pipe(Flag.withDescription("Name the mutants and what they break"), Flag.withDefault(false))
}, program)

Command.run(mutants, { version: "1.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
