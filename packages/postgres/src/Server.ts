import { Deferred, Effect, Schedule, type Scope } from "effect"
import type { ChildProcess } from "node:child_process"
import { type ClusterFiles, logSince, openLog } from "./ClusterFiles.ts"
import { describe, type EmbeddedPostgresError, embeddedPostgresError, problemInLog } from "./EmbeddedPostgresError.ts"
import { postmasterStatus } from "./ServerProcesses.ts"
import { launch, type ServerUser } from "./ServerUser.ts"

/** A running postmaster. */
export interface Server {
  readonly pid: number
  /** Fails when the server ends without having been asked to; never succeeds. */
  readonly exited: Effect.Effect<never, EmbeddedPostgresError>
}

/** A crash leaves up to max_wal_size to replay first, on a disk that may be slow. */
const startTimeout = "120 seconds"

/** Starts the server and waits until it accepts connections. The scope's end stops it. */
export const run = Effect.fn("Server.run")(
  function*(
    files: ClusterFiles,
    user: ServerUser,
    options: { readonly args: ReadonlyArray<string>; readonly port: number; readonly stalePid: number | undefined }
  ): Effect.fn.Return<Server, EmbeddedPostgresError, Scope.Scope> {
    const died = yield* Deferred.make<never, EmbeddedPostgresError>()
    const { begin, child } = yield* Effect.acquireRelease(
      Effect.scoped(Effect.map(openLog(files, user.ids), (log) => {
        // The way that pg_ctl tells PostgreSQL of a number in postmaster.pid that is none of a server's.
        const extra = options.stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(options.stalePid) }
        const fd = log.handle.fd
        return {
          begin: log.begin,
          child: launch(user, "postgres", files.cluster, options.args, ["ignore", fd, fd], extra)
        }
      })),
      (server) => stop(server.child)
    )
    const failed = (detail: string, problem: "Died" | "StartFailed") =>
      Effect.flatMap(logSince(files, begin), (log) => {
        const found = problemInLog(log, problem)
        return Effect.fail(
          embeddedPostgresError(found, files.dataDir, found === "PortTaken" ? String(options.port) : detail, log)
        )
      })
    let ready = false
    child.once("error", (cause) => Deferred.doneUnsafe(died, failed(describe(cause), "StartFailed")))
    child.once("exit", (code, signal) =>
      Deferred.doneUnsafe(
        died,
        failed(signal === null ? `exit code ${code}` : `signal ${signal}`, ready ? "Died" : "StartFailed")
      ))
    yield* acceptsConnections(files, child).pipe(
      Effect.timeoutOrElse({
        duration: startTimeout,
        orElse: () => failed(`it was not ready within ${startTimeout}`, "StartFailed")
      }),
      Effect.raceFirst(Deferred.await(died))
    )
    ready = true
    return { pid: child.pid ?? 0, exited: Deferred.await(died) }
  }
)

/** The port answers before recovery is over; only postmaster.pid says when it is. */
const acceptsConnections = (files: ClusterFiles, child: ChildProcess) =>
  postmasterStatus(files).pipe(
    Effect.repeat({
      until: (status) => status !== undefined && status.ready && status.pid === child.pid,
      schedule: Schedule.spaced("5 millis")
    })
  )

/** Fast (no client is waited for, everything is written), and harder when that takes too long. */
const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGINT")
  }).pipe(
    Effect.timeoutOrElse({
      duration: "8 seconds",
      orElse: () =>
        Effect.logWarning("PostgreSQL does not stop: ending it at once, so the next start has to recover").pipe(
          Effect.andThen(signalled(child, "SIGQUIT")),
          Effect.timeoutOrElse({ duration: "1 second", orElse: () => signalled(child, "SIGKILL") })
        )
    })
  )

const signalled = (child: ChildProcess, signal: "SIGQUIT" | "SIGKILL"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill(signal)
  })
