import { Effect, Redacted, Schedule, Schema } from "effect"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { superuser } from "./Cluster.ts"
import { clusterFiles } from "./ClusterFiles.ts"

/** A store holds the folder, but its server does not accept connections. */
export class NotReachable extends Schema.TaggedError<NotReachable>()("NotReachable", { dataDir: Schema.String }) {
  override get message(): string {
    return `The PostgreSQL server of the store on ${this.dataDir} does not accept connections: try again once the store is ready.`
  }
}

/**
 * The URLs of a server that another process runs on the folder, for tools beside a running store. Waits up to 10 s for
 * one that is just starting. The folder's files say where it listens; nobody but the folder's owner can read them.
 */
export const attach = Effect.fn("RunningPostgres.attach")(
  function*(options: { readonly dataDir: string; readonly databases: ReadonlyArray<string> }) {
    const files = clusterFiles(options.dataDir)
    const unreachable = new NotReachable({ dataDir: files.dataDir })
    const { password, port } = yield* Effect.tryPromise({
      try: async () => {
        const lines = (await fs.readFile(path.join(files.cluster, "postmaster.pid"), "utf8")).split("\n")
        if (lines[7]?.trim() !== "ready") throw unreachable
        return { port: Number(lines[3]), password: (await fs.readFile(files.password, "utf8")).trim() }
      },
      catch: () => unreachable
    }).pipe(Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 100 }))
    const urlOf = (database: string) =>
      Redacted.make(`postgresql://${superuser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`)
    return Object.fromEntries(options.databases.map((name) => [name, urlOf(name)]))
  }
)
