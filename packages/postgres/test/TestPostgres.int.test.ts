import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { type OwnServer, ownServer, TestDatabase, testDatabaseUrl } from "../src/TestPostgres.ts"
import { query, remember, remembered } from "./processes.ts"

describe("TestDatabase", () => {
  const usedForTheFirstTime = Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`CREATE TABLE seen (id int)`
    const [row] = yield* sql<{ name: string }>`SELECT current_database() AS name`
    return row?.name
  }).pipe(Effect.provide(TestDatabase))

  // With the test's own clock, which stands still: nothing here may wait for it.
  it.effect("is another, empty one at every build", () =>
    Effect.gen(function*() {
      const names = yield* Effect.all(Array.from({ length: 4 }, () => usedForTheFirstTime), { concurrency: 2 })
      assert.strictEqual(new Set(names).size, 4)
    }))

  it.effect("has ten connections", () =>
    Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      const pids = yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => Effect.map(sql<{ pid: number }>`SELECT pg_backend_pid() AS pid, pg_sleep(0.2)`, ([row]) => row?.pid),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(pids).size, 10)
    }).pipe(Effect.provide(TestDatabase)))

  it.effect("is gone afterwards, also when somebody is still connected", () =>
    Effect.gen(function*() {
      const [url, name] = yield* Effect.scoped(Effect.gen(function*() {
        const fresh = Redacted.value(yield* testDatabaseUrl)
        return [fresh, new URL(fresh).pathname.slice(1)] as const
      }))
      assert.match((yield* Effect.flip(query(url, (sql) => sql`SELECT 1`))).message, /onnect/)
      assert.match(name, /^test_[0-9a-f]{16}$/)
    }))

  it.effect("lies on a server that loses nothing", () =>
    Effect.gen(function*() {
      const url = Redacted.value(yield* testDatabaseUrl)
      const rows = yield* query(url, (sql) =>
        sql<{ setting: string }>`SELECT setting FROM pg_settings
          WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')`)
      assert.deepStrictEqual(rows.map((row) => row.setting), ["on", "on", "on"])
    }))
})

describe("ownServer", () => {
  const keepsItsRow = (change: (server: OwnServer) => Effect.Effect<unknown, unknown>) =>
    Effect.gen(function*() {
      const server = yield* ownServer
      const url = Redacted.value(server.url)
      yield* remember(url)
      yield* change(server)
      assert.strictEqual(yield* remembered(url), 1)
    })

  it.effect("keeps its rows and its URL over a restart", () => keepsItsRow((server) => server.restart))
  it.effect("keeps them over a crash", () => keepsItsRow((server) => Effect.andThen(server.kill, server.start)))
  it.effect("stops and starts again", () => keepsItsRow((server) => Effect.andThen(server.stop, server.start)))
  it.effect("is not started twice", () => keepsItsRow((server) => server.start))

  it.effect("answers nobody while it is stopped, or after a crash", () =>
    Effect.gen(function*() {
      const server = yield* ownServer
      const ask = Effect.flip(query(Redacted.value(server.url), (sql) => sql`SELECT 1`))
      yield* server.stop
      assert.match((yield* ask).message, /onnect/)
      yield* server.start
      yield* server.kill
      assert.match((yield* ask).message, /onnect/)
    }))

  it.live("answers a question that was asked while it was frozen only after it goes on", () =>
    Effect.gen(function*() {
      const server = yield* ownServer
      yield* query(Redacted.value(server.url), (sql) =>
        Effect.gen(function*() {
          yield* sql`SELECT 1`
          yield* server.pause
          const answers: Array<string> = []
          const question = yield* Effect.forkChild(
            Effect.andThen(sql`SELECT 1`, Effect.sync(() => answers.push("answered")))
          )
          yield* Effect.sleep("300 millis")
          answers.push("resumed")
          yield* server.resume
          yield* Fiber.join(question)
          assert.deepStrictEqual(answers, ["resumed", "answered"])
        }))
    }))

  it.live("can be left frozen", () =>
    Effect.gen(function*() {
      yield* (yield* ownServer).pause
    }))
})

describe("a test run that is killed", () => {
  it.live("leaves no server and no folder behind", () =>
    Effect.gen(function*() {
      const program = fileURLToPath(new URL("./own-server.ts", import.meta.url))
      const folder = yield* Effect.promise(async () => {
        const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] })
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
        const name = String((await lines.next()).value)
        const watched = fs.watch(path.dirname(name))
        child.kill("SIGKILL")
        await once(child, "exit")
        const isThere = () => fs.stat(name).then(() => true, () => false)
        for await (const _ of watched) if (!(await isThere())) return name
        return name
      })
      assert.include(folder, "g-store-test-")
    }))
})
