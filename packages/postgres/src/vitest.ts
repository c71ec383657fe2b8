import { Effect, Exit, Redacted, Scope } from "effect"
import { start } from "./EmbeddedPostgres.ts"
import { testSettings } from "./OwnServer.ts"
import { testFolder } from "./TestFolder.ts"

/**
 * vitest's `globalSetup`: one server for a whole run, named to every worker by TEST_DATABASE_URL. A server named there
 * from outside (or by another project of the same run) is used instead.
 */
export const setup = async (): Promise<(() => Promise<void>) | undefined> => {
  if (process.env["TEST_DATABASE_URL"] !== undefined) return undefined
  const scope = await Effect.runPromise(Scope.make())
  const server = testFolder.pipe(
    Effect.flatMap((dataDir) => start({ dataDir, databases: ["postgres"], settings: testSettings })),
    Scope.provide(scope)
  )
  const url = await Effect.runPromise(server).then(({ urls }) => urls["postgres"])
  if (url !== undefined) process.env["TEST_DATABASE_URL"] = Redacted.value(url)
  return () => {
    delete process.env["TEST_DATABASE_URL"]
    return Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
