/**
 * What `npm start` does about its data, as a process of its own that tests may kill: `node store.ts <data folder>`.
 * Writes one line, where the server is or why it is not, and stays until standard input ends.
 */
import { Effect, Redacted, Schema } from "effect"
import * as DataFolder from "../src/DataFolder.ts"
import { start } from "../src/EmbeddedPostgres.ts"
import { Outcome } from "./processes.ts"

const [dataDir = ""] = process.argv.slice(2)
const line = Schema.encodeSync(Schema.fromJsonString(Outcome))
const say = (outcome: typeof Outcome.Type) => process.stdout.write(`${line(outcome)}\n`)

const stdinEnded = Effect.callback<void>((resume) => {
  process.stdin.resume().once("end", () => resume(Effect.void))
})

const store = Effect.gen(function*() {
  yield* DataFolder.lock(dataDir)
  const { pid, urls } = yield* start({ dataDir, databases: ["orders"] })
  say({ _tag: "Up", pid, url: Redacted.value(urls["orders"] ?? Redacted.make("")) })
  yield* stdinEnded
}).pipe(
  Effect.scoped,
  Effect.catch((error) =>
    Effect.sync(() =>
      say({
        _tag: "Refused",
        error: error._tag,
        problem: "problem" in error ? error.problem : "",
        message: error.message
      })
    )
  )
)

await Effect.runPromise(store)
