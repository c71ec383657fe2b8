import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import * as fs from "node:fs/promises"
import { createServer } from "node:net"
import * as path from "node:path"
import { clusterFiles } from "../src/ClusterFiles.ts"
import { type EmbeddedPostgres, start } from "../src/EmbeddedPostgres.ts"
import { preparedFolder, testFolder } from "../src/TestFolder.ts"
import { initdbIsAtWork, query, remember, remembered } from "./processes.ts"

const urlOf = (server: EmbeddedPostgres) => Redacted.value(server.urls["orders"] ?? Redacted.make(""))
const started = (dataDir: string) => start({ dataDir, databases: ["orders"] })
const makesAndStops = (dataDir: string) => Effect.scoped(Effect.asVoid(started(dataDir)))

describe("a first start", () => {
  it.live("makes the databases, which a restart finds again with their rows", () =>
    Effect.gen(function*() {
      const dataDir = yield* testFolder
      yield* Effect.scoped(Effect.flatMap(started(dataDir), (server) => remember(urlOf(server))))
      const again = yield* start({ dataDir, databases: ["orders", "payments"] })
      assert.strictEqual(yield* remembered(urlOf(again)), 1)
      assert.sameMembers(Object.keys(again.urls), ["orders", "payments"])
    }))

  it.live("loses nothing, speaks UTF-8 and UTC, and listens on this machine alone", () =>
    Effect.gen(function*() {
      const server = yield* started(yield* testFolder)
      const values = yield* query(urlOf(server), (sql) =>
        sql<{ name: string; setting: string }>`SELECT name, setting FROM pg_settings WHERE name IN ('fsync',
          'full_page_writes', 'synchronous_commit', 'data_checksums', 'server_encoding', 'TimeZone', 'listen_addresses',
          'unix_socket_directories')`)
      assert.deepStrictEqual(Object.fromEntries(values.map(({ name, setting }) => [name, setting])), {
        fsync: "on",
        full_page_writes: "on",
        synchronous_commit: "on",
        data_checksums: "on",
        server_encoding: "UTF8",
        TimeZone: "UTC",
        listen_addresses: "127.0.0.1",
        unix_socket_directories: ""
      })
      const [upper] = yield* query(urlOf(server), (sql) =>
        sql<{ u: string }>`SELECT upper('заказ ß') AS u`)
      assert.strictEqual(upper?.u, "ЗАКАЗ ß")
    }))

  it.live("keeps its password from everybody else", () =>
    Effect.gen(function*() {
      const dataDir = yield* testFolder
      const server = yield* started(dataDir)
      const { mode } = yield* Effect.promise(() => fs.stat(clusterFiles(dataDir).password))
      assert.strictEqual(mode & 0o777, 0o600)
      const url = new URL(urlOf(server))
      url.password = "guessed"
      assert.include((yield* Effect.flip(query(url.href, (sql) => sql`SELECT 1`))).message, "onnect")
    }))

  it.live("works under a path that no socket could have", () =>
    Effect.gen(function*() {
      const dataDir = path.join(yield* testFolder, ..."abcd".split("").map((letter) => letter.repeat(100)))
      yield* makesAndStops(dataDir)
      yield* started(dataDir)
    }))

  it.live("that is interrupted leaves nothing that a later one stumbles over", () =>
    Effect.gen(function*() {
      const dataDir = yield* testFolder
      const first = yield* Effect.forkChild(makesAndStops(dataDir))
      yield* initdbIsAtWork(dataDir)
      yield* Fiber.interrupt(first)
      assert.notInclude(yield* Effect.promise(() => fs.readdir(dataDir)), "postgres")
      yield* started(dataDir)
      assert.deepStrictEqual(yield* unfinished(dataDir), [])
    }))

  it.live("that died in the middle leaves nothing that a later one stumbles over", () =>
    Effect.gen(function*() {
      const dataDir = yield* testFolder
      yield* Effect.promise(async () => {
        await fs.mkdir(path.join(dataDir, "postgres.new-abcdef/base"), { recursive: true })
        await fs.writeFile(path.join(dataDir, "postgres.new-abcdef/PG_VERSION"), "18\n")
      })
      yield* started(dataDir)
      assert.deepStrictEqual(yield* unfinished(dataDir), [])
    }))
})

const unfinished = (dataDir: string) =>
  Effect.promise(() => fs.readdir(dataDir).then((names) => names.filter((name) => name.startsWith("postgres.new-"))))

describe("a start", () => {
  it.live("says which port is taken", () =>
    Effect.gen(function*() {
      const dataDir = yield* preparedFolder
      const port = yield* takenPort
      const error = yield* Effect.flip(start({ dataDir, databases: [], port }))
      assert.strictEqual(error.problem, "PortTaken")
      assert.include(error.message, `Port ${port} of 127.0.0.1 is taken`)
    }))

  it.live("keeps to the port it is given", () =>
    Effect.gen(function*() {
      const dataDir = yield* preparedFolder
      const { port } = yield* Effect.scoped(started(dataDir))
      assert.strictEqual((yield* start({ dataDir, databases: [], port })).port, port)
    }))

  it.live("refuses a folder that another one works on", () =>
    Effect.gen(function*() {
      const dataDir = yield* preparedFolder
      const first = yield* started(dataDir)
      assert.strictEqual((yield* Effect.flip(started(dataDir))).problem, "FolderInUse")
      yield* remember(urlOf(first))
    }))

  it.live("refuses a setting that would lose data", () =>
    Effect.gen(function*() {
      const settings = { Fsync: "off" }
      const error = yield* Effect.flip(start({ dataDir: yield* preparedFolder, databases: [], settings }))
      assert.strictEqual(error.problem, "SettingRefused")
      assert.include(error.message, "Fsync")
    }))

  it.live("leaves a database of another version as it is", () =>
    Effect.gen(function*() {
      const dataDir = yield* preparedFolder
      yield* makesAndStops(dataDir)
      const file = path.join(clusterFiles(dataDir).cluster, "PG_VERSION")
      yield* Effect.promise(() => fs.writeFile(file, "17\n"))
      const error = yield* Effect.flip(started(dataDir))
      assert.strictEqual(error.problem, "OtherVersion")
      assert.match(error.message, /written by PostgreSQL 17, and this is PostgreSQL 18/)
    }))

  it.live("never makes a new database over something that looks like a damaged one", () =>
    Effect.gen(function*() {
      const dataDir = yield* testFolder
      const { cluster } = clusterFiles(dataDir)
      yield* Effect.promise(() => fs.mkdir(path.join(cluster, "base"), { recursive: true }))
      assert.strictEqual((yield* Effect.flip(started(dataDir))).problem, "FolderDamaged")
      assert.deepStrictEqual(yield* Effect.promise(() => fs.readdir(cluster)), ["base"])
    }))

  it.live("sets a new password when its file is lost, and keeps the rows", () =>
    Effect.gen(function*() {
      const dataDir = yield* preparedFolder
      yield* Effect.scoped(Effect.flatMap(started(dataDir), (server) => remember(urlOf(server))))
      yield* Effect.promise(() => fs.rm(clusterFiles(dataDir).password))
      assert.strictEqual(yield* remembered(urlOf(yield* started(dataDir))), 1)
    }))

  it.live("is not kept out by a left-over postmaster.pid whose number some other process has now", () =>
    Effect.gen(function*() {
      const dataDir = yield* preparedFolder
      yield* makesAndStops(dataDir)
      // Of the processes that certainly live, the first of all is none of ours.
      const stale = `1\n${clusterFiles(dataDir).cluster}\n1700000000\n5432\n\n127.0.0.1\n   123  456\nready   \n`
      yield* Effect.promise(() => fs.writeFile(path.join(clusterFiles(dataDir).cluster, "postmaster.pid"), stale))
      yield* started(dataDir)
    }))

  it.live("keeps one log and the one before it", () =>
    Effect.gen(function*() {
      const dataDir = yield* preparedFolder
      const { log } = clusterFiles(dataDir)
      yield* Effect.promise(() => fs.writeFile(log, "an old line\n".repeat(500_000)))
      yield* started(dataDir)
      assert.notInclude(yield* Effect.promise(() => fs.readFile(log, "utf8")), "an old line")
      assert.include(yield* Effect.promise(() => fs.readFile(`${log}.1`, "utf8")), "an old line")
    }))
})

describe("a server that ends by itself", () => {
  it.live("is reported with its last words", () =>
    Effect.gen(function*() {
      const server = yield* started(yield* preparedFolder)
      yield* Effect.sync(() => process.kill(server.pid, "SIGINT"))
      const error = yield* Effect.flip(server.exited)
      assert.strictEqual(error.problem, "Died")
      assert.include(error.message, "received fast shutdown request")
    }))
})

const takenPort = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
).pipe(Effect.map((server) => {
  const address = server.address()
  return address !== null && typeof address === "object" ? address.port : 0
}))
