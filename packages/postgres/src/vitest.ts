import { Effect, Exit, Redacted, Scope } from "effect"
import * as path from "node:path"
import { start } from "./EmbeddedPostgres.ts"
import { testSettings } from "./OwnServer.ts"
import { copyCluster, templateVariable, testFolder } from "./TestFolder.ts"

const serverVariable = "TEST_DATABASE_URL"

/**
 * vitest's `globalSetup`: one server for a whole run, named to every worker by TEST_DATABASE_URL, and a copy of its
 * empty beginning for those who want a server of their own. A server named from outside (or by another project of the
 * same run) is used instead.
 */
export const setup = async (): Promise<(() => Promise<void>) | undefined> => {
  if (process.env[serverVariable] !== undefined) return undefined
  const scope = await Effect.runPromise(Scope.make())
  const { template, url } = await Effect.runPromise(Scope.provide(server, scope))
  process.env[serverVariable] = url
  process.env[templateVariable] = template
  return () => {
    delete process.env[serverVariable]
    delete process.env[templateVariable]
    return Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const server = Effect.gen(function*() {
  const dataDir = yield* testFolder
  const template = path.join(dataDir, "template")
  const database = "postgres"
  yield* Effect.scoped(start({ dataDir: template, databases: [database], settings: testSettings }))
  yield* copyCluster(template, dataDir)
  const { urls } = yield* start({ dataDir, databases: [database], settings: testSettings })
  return { template, url: Redacted.value(urls[database] ?? Redacted.make("")) }
})
