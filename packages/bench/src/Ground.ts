import * as PgClient from "@effect/sql-pg/PgClient"
import { start } from "@g-store/postgres/EmbeddedPostgres.ts"
import { Context, Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { Reactivity } from "effect/reactivity"
import { createServer } from "node:net"

/** A setting that keeps acknowledged work over a crash is off: figures of such a server mean nothing. */
class Unsafe extends Schema.TaggedError<Unsafe>()("Unsafe", { message: Schema.String }) {}

/** What every part stands on: a folder of its own, and one PostgreSQL server for both sides, with the store's settings. */
export class Ground extends Context.Service<Ground, {
  readonly folder: string
  readonly postgresPid: number
  readonly postgresVersion: string
  /** The URL of a database, made where it is missing. */
  readonly database: (name: string) => Effect.Effect<Redacted.Redacted>
}>()("@g-store/bench/Ground") {
  static readonly layer = Layer.effect(Ground, Effect.suspend(() => make))
}

/** A client of a database, until the scope ends. */
export const clientOf = (url: Redacted.Redacted) =>
  PgClient.makeClient({ url, applicationName: "bench" }).pipe(Effect.provide(Reactivity.layer))

/** Runs statements that are divided by semicolons at the ends of lines. */
export const runScript = Effect.fnUntraced(function*(url: Redacted.Redacted, text: string) {
  const sql = yield* clientOf(url)
  for (const statement of text.split(/;\s*$/m)) {
    if (statement.trim() !== "") yield* sql.unsafe(statement)
  }
}, Effect.scoped)

const SAFETY = ["fsync", "full_page_writes", "synchronous_commit"]

const make = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "g-store-bench-" })
  // When a row was committed is what the waiting for it is measured by; both sides pay for that.
  const server = yield* start({
    dataDir: `${folder}/data`,
    databases: ["bench"],
    settings: { track_commit_timestamp: "on" }
  })
  const url = server.urls["bench"]
  if (url === undefined) return yield* Effect.die(new Error("the server made no database"))
  const sql = yield* clientOf(url)
  for (const name of SAFETY) {
    const [row] = yield* sql<{ setting: string }>`SELECT current_setting(${name}) AS setting`
    if (row?.setting !== "on") return yield* new Unsafe({ message: `${name} is off` })
  }
  const [version] = yield* sql<{ version: string }>`SELECT current_setting('server_version') AS version`
  return Ground.of({
    folder,
    postgresPid: server.pid,
    postgresVersion: version?.version ?? "",
    database: Effect.fnUntraced(function*(name) {
      const there = yield* sql`SELECT FROM pg_database WHERE datname = ${name}`
      if (there.length === 0) yield* sql`CREATE DATABASE ${sql(name)} TEMPLATE template0`
      const made = new URL(Redacted.value(url))
      made.pathname = `/${name}`
      return Redacted.make(made.href)
    }, Effect.orDie)
  })
})

/** A port that nobody listens on. */
export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer()
  server.once("error", (cause) => resume(Effect.die(cause)))
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})
