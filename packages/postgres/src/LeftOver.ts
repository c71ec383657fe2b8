import { Effect, Schedule } from "effect"
import type { ClusterFiles } from "./ClusterFiles.ts"
import { type EmbeddedPostgresError, embeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { postmaster, signal } from "./ServerProcesses.ts"
import { pgCtl, type ServerUser } from "./ServerUser.ts"

/**
 * Stops a server that outlived its Node process. Answers the process id of a postmaster.pid that is stale although
 * some process has that number again: PostgreSQL cannot tell it from a running server, we can.
 *
 * postmaster.pid is never deleted here. PostgreSQL removes it itself after it has checked that no process still uses
 * the shared memory of that server; taking the file away would take that check away.
 */
export const stopLeftOver = Effect.fn("LeftOver.stop")(
  function*(files: ClusterFiles, user: ServerUser): Effect.fn.Return<number | undefined, EmbeddedPostgresError> {
    const found = yield* postmaster(files)
    if (found === undefined) return undefined
    if (!found.ours) return found.pid
    yield* Effect.logWarning(`Stopping the PostgreSQL server (process ${found.pid}) that an earlier start left behind`)
    yield* pgCtl(user, files.cluster, ["stop", "-m", "fast", "-w", "-t", "10"]).pipe(
      Effect.catch((detail) => Effect.andThen(Effect.logWarning(detail), endAtOnce(files))),
      Effect.catchTag(
        "TimeoutError",
        () => Effect.fail(embeddedPostgresError("LeftOverServer", files.dataDir, String(found.pid)))
      )
    )
    return undefined
  }
)

/** For a server that does not listen, or that ran as another user than pg_ctl does now. The next start recovers. */
export const endAtOnce = (files: ClusterFiles) =>
  signal(files, "SIGQUIT").pipe(
    Effect.andThen(Effect.repeat(postmaster(files), {
      until: (found) => found === undefined || !found.ours,
      schedule: Schedule.spaced("50 millis")
    })),
    Effect.timeout("10 seconds")
  )
