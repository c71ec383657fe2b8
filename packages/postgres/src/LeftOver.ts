import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { promisify } from "node:util"
import { type ClusterFiles, inFolder } from "./ClusterFiles.ts"
import { type EmbeddedPostgresError, embeddedPostgresError, errorCode } from "./EmbeddedPostgresError.ts"
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
    const pid = yield* postmasterPid(files)
    if (pid === undefined || !isAlive(pid)) return undefined
    if (!(yield* runsHere(files, pid))) return pid
    yield* Effect.logWarning(`Stopping the PostgreSQL server (process ${pid}) that an earlier start left behind`)
    yield* pgCtl(user, files.cluster, ["stop", "-m", "fast", "-w", "-t", "10"]).pipe(
      Effect.catch(() => pgCtl(user, files.cluster, ["stop", "-m", "immediate", "-w", "-t", "10"])),
      // It may have ended between the question and the order.
      Effect.catch((detail) =>
        isAlive(pid)
          ? Effect.fail(embeddedPostgresError("LeftOverServer", files.dataDir, String(pid), [detail]))
          : Effect.void
      )
    )
    return undefined
  }
)

/** The first line of postmaster.pid, and whether the last one says that connections are accepted. */
export const postmasterStatus = (files: ClusterFiles) =>
  inFolder(files, () =>
    fs.readFile(path.join(files.cluster, "postmaster.pid"), "utf8").then(
      (text) => {
        const lines = text.split("\n")
        return { pid: Number.parseInt(lines[0] ?? "", 10), ready: lines[7]?.trim() === "ready" }
      },
      (cause) => errorCode(cause) === "ENOENT" ? undefined : Promise.reject(cause)
    ))

const postmasterPid = (files: ClusterFiles) =>
  Effect.map(postmasterStatus(files), (status) => Number.isInteger(status?.pid) ? status?.pid : undefined)

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return errorCode(cause) === "EPERM"
  }
}

/** Whether the process is a server of this very cluster: a process id alone may belong to anyone after a reboot. */
const runsHere = (files: ClusterFiles, pid: number) =>
  inFolder(files, async () => {
    const cluster = await fs.realpath(files.cluster)
    if (process.platform !== "linux") {
      const { stdout } = await promisify(execFile)("ps", ["-o", "command=", "-p", String(pid)])
        .catch(() => ({ stdout: "" }))
      return stdout.includes("postgres") && (stdout.includes(files.cluster) || stdout.includes(cluster))
    }
    // A postmaster's working directory is its cluster, whatever it was told on the command line.
    return await fs.readlink(`/proc/${pid}/cwd`).then(
      (cwd) => cwd === cluster,
      (cause) => errorCode(cause) === "ENOENT" ? false : Promise.reject(cause)
    )
  })
