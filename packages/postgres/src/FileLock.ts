import { Effect, type Scope } from "effect"
import { DatabaseSync } from "node:sqlite"
import { describe } from "./EmbeddedPostgresError.ts"

/**
 * Holds an exclusive lock on a file until the scope ends; `refused` tells why it was not given:
 * `"held"` by another process (or by this one), or the error of the file system.
 *
 * Node has no flock. SQLite, which is built into Node, takes the kernel's own file lock when a transaction is
 * exclusive: the kernel releases it with the process, however that ends, so there is no stale lock to guess about and
 * no process id that another process could have got meanwhile. The file stays empty and is never removed: removing
 * it would let two processes lock two files of one name. Nothing else in this process may open it: by POSIX, closing
 * any descriptor of a file gives up the process's locks on it.
 */
export const hold = <E>(
  file: string,
  refused: (reason: "held" | Error) => E
): Effect.Effect<void, E, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const database = new DatabaseSync(file, { timeout: 0 })
        try {
          database.exec("BEGIN EXCLUSIVE")
        } catch (cause) {
          database.close()
          throw cause
        }
        return database
      },
      catch: (cause) => refused(meaning(cause))
    }),
    (database) => Effect.sync(() => database.close())
  ).pipe(Effect.asVoid)

/** SQLite's answers in the words of the file system, which is what they are about here. */
const codes: Readonly<Record<number, string>> = { 8: "EROFS", 10: "EIO", 13: "ENOSPC", 14: "EACCES" }
const busy = 5

const meaning = (cause: unknown): "held" | Error => {
  const result = cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number" ? cause.errcode : 0
  // The lower byte is the result; the rest says more about it.
  if ((result & 0xff) === busy) return "held"
  return Object.assign(new Error(describe(cause)), { code: codes[result & 0xff] ?? "" })
}
