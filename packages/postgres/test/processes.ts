import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted, Schedule, Schema } from "effect"
import { Reactivity } from "effect/reactivity"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** The one line that store.ts writes. */
export const Outcome = Schema.TaggedUnion({
  Up: { pid: Schema.Int, url: Schema.String },
  Refused: { error: Schema.String, problem: Schema.String, message: Schema.String }
})

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Outcome))
const program = fileURLToPath(new URL("./store.ts", import.meta.url))

/** How a store is started: as whom, with which Node, and by means of what. */
export interface Launch {
  readonly ids?: { readonly uid: number; readonly gid: number }
  readonly node?: string
  readonly through?: ReadonlyArray<string>
}

/** Starts store.ts on the folder. Ended like a store, by itself, when the scope ends. */
export const spawned = (dataDir: string, launch: Launch = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const [command = "", ...args] = [...launch.through ?? [], launch.node ?? process.execPath, program, dataDir]
      return spawn(command, args, {
        ...launch.ids,
        cwd: "/",
        // With its children a group of its own, as a shell starts it: Ctrl-C is a signal to the group.
        detached: true,
        stdio: ["pipe", "pipe", "inherit"]
      })
    }),
    (child) =>
      Effect.promise(async () => {
        child.stdin.end()
        if (isRunning(child)) await once(child, "exit")
      })
  )

/** Starts store.ts on the folder and waits for its line. */
export const store = (dataDir: string, launch: Launch = {}) =>
  Effect.flatMap(spawned(dataDir, launch), (child) =>
    Effect.promise(async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        // The other lines are its log.
        if (line.startsWith("{")) return { child, outcome: decode(line) }
      }
      throw new Error("the store ended without a word")
    }))

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null

/** The process alone, as when somebody kills Node: nothing of it runs any more, and its server does not know. */
export const killNode = (child: ChildProcess) =>
  Effect.promise(async () => {
    const ended = once(child, "exit")
    child.kill("SIGKILL")
    await ended
  })

/** Waits until a first start has written a part of the database. */
export const initdbIsAtWork = (dataDir: string) =>
  Effect.promise(() => fs.readdir(dataDir, { recursive: true }).catch(() => [])).pipe(
    Effect.repeat({
      until: (names) => names.some((name) => path.basename(name) === "PG_VERSION"),
      schedule: Schedule.spaced("2 millis")
    })
  )

/** Ctrl-C, as the terminal sends it. */
export const interruptGroup = (child: ChildProcess) =>
  Effect.promise(async () => {
    const ended = once(child, "exit")
    process.kill(-(child.pid ?? 0), "SIGINT")
    await ended
  })

/** Runs statements on a connection of its own. */
export const query = <A, E>(url: string, statements: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
  PgClient.makeClient({ url: Redacted.make(url) }).pipe(
    Effect.flatMap(statements),
    Effect.scoped,
    Effect.provide(Reactivity.layer)
  )

export const remember = (url: string) =>
  query(url, (sql) =>
    Effect.gen(function*() {
      yield* sql`CREATE TABLE IF NOT EXISTS kept (at timestamptz)`
      yield* sql`INSERT INTO kept VALUES (now())`
    }))

export const remembered = (url: string) =>
  query(url, (sql) => Effect.map(sql<{ n: bigint }>`SELECT count(*) AS n FROM kept`, ([row]) => Number(row?.n)))
