import { Effect } from "effect"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { folderError } from "./EmbeddedPostgresError.ts"

/** Where everything of PostgreSQL lies in a data folder. Nothing else in the folder is touched. */
export interface ClusterFiles {
  /** The data folder itself, absolute. */
  readonly dataDir: string
  /** What PostgreSQL calls its data directory. */
  readonly cluster: string
  /** The superuser's password, mode 0600. */
  readonly password: string
  readonly log: string
  /** Held while a server is ours to start and stop (FileLock). */
  readonly lock: string
}

/** Rotated at start, so that a log never grows without end and the one before is still there. */
const logLimit = 5_000_000
const quotedLines = 12

export const clusterFiles = (dataDir: string): ClusterFiles => {
  const folder = path.resolve(dataDir)
  return {
    dataDir: folder,
    cluster: path.join(folder, "postgres"),
    password: path.join(folder, "postgres.password"),
    log: path.join(folder, "postgres.log"),
    lock: path.join(folder, "postgres.lock")
  }
}

/** A file operation in the data folder, its failure told in terms of the folder. */
export const inFolder = <A>(files: ClusterFiles, operation: () => Promise<A>) =>
  Effect.tryPromise({ try: operation, catch: folderError(files.dataDir) })

/** Survives a power cut only when the folder's own entry is on the disk too. */
export const syncFolder = async (folder: string) => {
  const handle = await fs.open(folder, "r")
  await handle.sync().finally(() => handle.close())
}

/** Opens the log for appending and tells where this start's lines begin. It belongs to whom the cluster belongs. */
export const openLog = (files: ClusterFiles, owner: { readonly uid: number; readonly gid: number } | undefined) =>
  Effect.acquireRelease(
    inFolder(files, async () => {
      const size = await fs.stat(files.log).then((stat) => stat.size, () => 0)
      if (size > logLimit) await fs.rename(files.log, `${files.log}.1`)
      const handle = await fs.open(files.log, "a", 0o600)
      if (owner !== undefined) await handle.chown(owner.uid, owner.gid)
      return { handle, begin: (await handle.stat()).size }
    }),
    ({ handle }) => Effect.promise(() => handle.close())
  )

/** The last lines written since `begin`; none where the log cannot be read, because it only illustrates an error. */
export const logSince = (files: ClusterFiles, begin: number) =>
  Effect.promise(() =>
    fs.readFile(files.log).then(
      (bytes) => lastLines(bytes.subarray(begin).toString("utf8")),
      (): ReadonlyArray<string> => []
    )
  )

export const lastLines = (text: string): ReadonlyArray<string> =>
  text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "").slice(-quotedLines)
