import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted, Schedule, type Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import type { SqlError } from "effect/sql"
import * as fs from "node:fs/promises"
import { createServer } from "node:net"
import { locate } from "./Binaries.ts"
import { prepare, superuser } from "./Cluster.ts"
import { type ClusterFiles, clusterFiles, inFolder } from "./ClusterFiles.ts"
import { describe, EmbeddedPostgresError, embeddedPostgresError, folderError } from "./EmbeddedPostgresError.ts"
import { hold } from "./FileLock.ts"
import { stopLeftOver } from "./LeftOver.ts"
import { makeFolder } from "./makeFolder.ts"
import { run } from "./Server.ts"
import { choose } from "./ServerUser.ts"
import { settingsArguments } from "./Settings.ts"

export { EmbeddedPostgresError }

/** A server of our own, running until the scope ends. */
export interface EmbeddedPostgres {
  /** Of each database asked for, with user and password. */
  readonly urls: Readonly<Record<string, Redacted.Redacted>>
  readonly port: number
  readonly pid: number
  /** Fails when the server ends by itself; never succeeds. */
  readonly exited: Effect.Effect<never, EmbeddedPostgresError>
}

/**
 * Runs PostgreSQL on a data folder, made where it is missing, and creates the databases that are missing.
 * A server that an earlier, killed process left running is stopped first. No other process can start one on the
 * same folder until the scope ends. `settings` are PostgreSQL's own; those that keep data safe cannot be changed.
 */
export const start = Effect.fn("EmbeddedPostgres.start")(function*(options: {
  readonly dataDir: string
  readonly databases: ReadonlyArray<string>
  /** A free one where it is left out. */
  readonly port?: number
  readonly settings?: Readonly<Record<string, string>>
}): Effect.fn.Return<EmbeddedPostgres, EmbeddedPostgresError, Scope.Scope> {
  const files = clusterFiles(options.dataDir)
  const settings = yield* settingsArguments(files.dataDir, options.settings ?? {})
  const binaries = yield* locate(files.dataDir)
  yield* inFolder(files, () => makeFolder(files.dataDir))
  yield* inFolder(files, () => fs.access(files.dataDir, fs.constants.W_OK | fs.constants.X_OK))
  yield* hold(
    files.lock,
    (reason) =>
      reason === "held" ? embeddedPostgresError("FolderInUse", files.dataDir) : folderError(files.dataDir)(reason)
  )
  const user = yield* choose(files, binaries)
  const stalePid = yield* stopLeftOver(files, user)
  const password = yield* prepare(files, user)

  const attempt = Effect.gen(function*() {
    const port = options.port ?? (yield* freePort)
    return { port, ...(yield* run(files, user, { args: [...settings, "-p", String(port)], port, stalePid })) }
  })
  const { exited, pid, port } = yield* attempt.pipe(Effect.retry({
    while: (error) => (options.port === undefined && error.problem === "PortTaken") || isDying(error),
    schedule: Schedule.spaced("100 millis"),
    times: 100
  }))
  const urlOf = (database: string) =>
    Redacted.make(
      `postgresql://${superuser}:${encodeURIComponent(Redacted.value(password))}@127.0.0.1:${port}/` +
        encodeURIComponent(database)
    )
  yield* createDatabases(urlOf(superuser), options.databases).pipe(
    Effect.mapError((error) => connectFailed(files, error))
  )
  return { urls: Object.fromEntries(options.databases.map((name) => [name, urlOf(name)])), port, pid, exited }
})

/** The backends of a server that was killed outlive it for a moment, and PostgreSQL waits for nobody. */
const isDying = (error: EmbeddedPostgresError) =>
  error.log.some((line) => line.includes("pre-existing shared memory block"))

const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer()
  server.once("error", (cause) => resume(Effect.die(cause)))
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0)))
  })
})

const connectFailed = (files: ClusterFiles, error: SqlError.SqlError) => {
  const detail = describe(error.reason.cause ?? error)
  const advice = error.reason._tag === "AuthenticationError"
    ? `. ${files.password} does not hold its password: remove that file, and the next start sets a new one`
    : ""
  return embeddedPostgresError("ConnectFailed", files.dataDir, detail + advice)
}

const createDatabases = (url: Redacted.Redacted, names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const sql = yield* PgClient.makeClient({ url, applicationName: "g-store" })
    const rows = yield* sql<{ datname: string }>`SELECT datname FROM pg_database`
    const present = new Set(rows.map((row) => row.datname))
    yield* Effect.forEach(
      names.filter((name) => !present.has(name)),
      (name) => sql`CREATE DATABASE ${sql(name)} TEMPLATE template0 STRATEGY file_copy`,
      { discard: true }
    )
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer))
