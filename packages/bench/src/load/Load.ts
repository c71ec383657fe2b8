import { Effect, Schema } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Plan, Seen, Word } from "./Plan.ts"

const file = fileURLToPath(import.meta.resolve("./generator.ts"))

/** The generator ended before it said what it had seen. */
class LoadFailed extends Schema.TaggedError<LoadFailed>()("LoadFailed", { message: Schema.String }) {}

/** A load generator, used for one plan after the other so that it is compiled once. */
export interface Generator {
  readonly run: (plan: Plan) => Effect.Effect<Seen, LoadFailed>
  readonly say: (word: Exclude<Word, Plan>) => Effect.Effect<void>
}

export const generator = Effect.gen(function*() {
  const child: ChildProcess = yield* Effect.acquireRelease(
    Effect.sync(() => fork(file, { stdio: "inherit" })),
    (forked) => Effect.sync(() => void (forked.connected && forked.disconnect()))
  )
  return {
    say: (word) => Effect.sync(() => void child.send(word)),
    run: (plan) =>
      Effect.callback<Seen, LoadFailed>((resume) => {
        const ended = () => resume(Effect.fail(new LoadFailed({ message: "the load generator ended early" })))
        child.once("exit", ended)
        child.once("message", (seen: Seen) => {
          child.off("exit", ended)
          resume(Effect.succeed(seen))
        })
        child.send(plan)
      })
  } satisfies Generator
})
