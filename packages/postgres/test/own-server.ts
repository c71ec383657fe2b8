/** A test run of its own that a test may kill: writes the folder of its server, and then waits to be killed. */
import { Effect } from "effect"
import { start } from "../src/EmbeddedPostgres.ts"
import { testSettings } from "../src/OwnServer.ts"
import { testFolder } from "../src/TestFolder.ts"

const run = Effect.gen(function*() {
  const dataDir = yield* testFolder
  yield* start({ dataDir, databases: ["test"], settings: testSettings })
  process.stdout.write(`${dataDir}\n`)
  return yield* Effect.never
})

await Effect.runPromise(Effect.scoped(run))
