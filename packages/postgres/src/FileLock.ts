import { Effect, type Scope } from "effect"
import { DatabaseSync } from "node:sqlite"

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
      catch: (cause) => refused(isBusy(cause) ? "held" : cause instanceof Error ? cause : new Error(String(cause)))
    }),
    (database) => Effect.sync(() => database.close())
  ).pipe(Effect.asVoid)

/** SQLITE_BUSY */
const isBusy = (cause: unknown) => cause instanceof Error && "errcode" in cause && cause.errcode === 5
