import { Effect, Schema, type Scope } from "effect"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { clusterFiles } from "./ClusterFiles.ts"
import { describe, errorCode } from "./EmbeddedPostgresError.ts"
import { hold } from "./FileLock.ts"
import { makeFolder } from "./makeFolder.ts"

/** Another store works on this folder. `pid` is its process where it is known. */
export class DataFolderInUse extends Schema.TaggedError<DataFolderInUse>()("DataFolderInUse", {
  dataDir: Schema.String,
  pid: Schema.optionalKey(Schema.Int)
}) {
  override get message(): string {
    const who = this.pid === undefined ? "another store" : `another store (process ${this.pid})`
    return `The data folder ${this.dataDir} is in use by ${who}: stop that one, or set GSTORE_DATA_DIR to another folder.`
  }
}

/** The folder cannot be made or written. */
export class DataFolderUnusable extends Schema.TaggedError<DataFolderUnusable>()("DataFolderUnusable", {
  dataDir: Schema.String,
  reason: Schema.Literals(["read-only", "full", "other"]),
  detail: Schema.String
}) {
  override get message(): string {
    const wrong = this.reason === "full" ? "is on a full disk" : "cannot be written"
    const mend = this.reason === "full" ? "free some space there" : "make it a folder that this user can write"
    return `The data folder ${this.dataDir} ${wrong} (${this.detail}): ${mend}, or set GSTORE_DATA_DIR to another folder.`
  }
}

/** The folder is not there, or no store was ever in it. */
export class DataFolderEmpty extends Schema.TaggedError<DataFolderEmpty>()("DataFolderEmpty", {
  dataDir: Schema.String
}) {
  override get message(): string {
    return `The data folder ${this.dataDir} has no store: see that GSTORE_DATA_DIR names the right one.`
  }
}

const isThere = (file: string): Effect.Effect<boolean> =>
  Effect.promise(() => fs.access(file).then(() => true, () => false))

/** Fails where no store was ever started: for tools, which are to find one and not to make one. Makes nothing. */
export const holdsStore = Effect.fn("DataFolder.holdsStore")(
  function*(dataDir: string): Effect.fn.Return<void, DataFolderEmpty> {
    const { cluster, dataDir: folder } = clusterFiles(dataDir)
    // A store that is just being started for the first time has its lock before its cluster.
    if ((yield* isThere(cluster)) || (yield* isThere(path.join(folder, "store.lock")))) return
    return yield* new DataFolderEmpty({ dataDir: folder })
  }
)

/**
 * Makes the folder where it is missing and keeps every other store out of it until the scope ends.
 * A store that was killed keeps nobody out.
 */
export const lock = Effect.fn("DataFolder.lock")(
  function*(dataDir: string): Effect.fn.Return<void, DataFolderInUse | DataFolderUnusable, Scope.Scope> {
    const folder = path.resolve(dataDir)
    const unusable = (cause: unknown) => new DataFolderUnusable({ dataDir: folder, ...reasonOf(cause) })
    const holder = path.join(folder, "store.pid")
    yield* Effect.tryPromise({ try: () => makeFolder(folder), catch: unusable })
    // Asked first, because Node says plainly what SQLite only calls "unable to open".
    yield* Effect.tryPromise({ try: () => fs.access(folder, fs.constants.W_OK | fs.constants.X_OK), catch: unusable })
    yield* hold(path.join(folder, "store.lock"), (reason) => reason).pipe(
      Effect.catch((reason) => reason === "held" ? inUse(folder, holder) : Effect.fail(unusable(reason)))
    )
    // Only to be quoted in the refusal of the next one; the lock does not depend on it.
    yield* Effect.tryPromise({ try: () => fs.writeFile(holder, `${process.pid}\n`, { mode: 0o600 }), catch: unusable })
  }
)

const inUse = (folder: string, holder: string): Effect.Effect<never, DataFolderInUse | DataFolderUnusable> =>
  Effect.flatMap(Effect.promise(() => fs.readFile(holder, "utf8").catch(() => "")), (text) => {
    const pid = Number.parseInt(text, 10)
    return Effect.fail(new DataFolderInUse({ dataDir: folder, ...(Number.isInteger(pid) ? { pid } : {}) }))
  })

const reasonOf = (cause: unknown): { readonly reason: "read-only" | "full" | "other"; readonly detail: string } => {
  const code = errorCode(cause)
  const reason = code === "ENOSPC" || code === "EDQUOT"
    ? "full"
    : ["EACCES", "EPERM", "EROFS"].includes(code)
    ? "read-only"
    : "other"
  return { reason, detail: describe(cause) }
}
