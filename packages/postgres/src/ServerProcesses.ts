import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { promisify } from "node:util"
import { type ClusterFiles, inFolder } from "./ClusterFiles.ts"
import { errorCode } from "./EmbeddedPostgresError.ts"

/** What postmaster.pid says: whose it is, and whether connections are accepted. Undefined where there is none. */
export const postmasterStatus = (files: ClusterFiles) =>
  inFolder(files, () =>
    fs.readFile(path.join(files.cluster, "postmaster.pid"), "utf8").then(
      (text) => {
        const lines = text.split("\n")
        return { pid: Number.parseInt(lines[0] ?? "", 10), ready: lines[7]?.trim() === "ready" }
      },
      (cause) => errorCode(cause) === "ENOENT" ? undefined : Promise.reject(cause)
    ))

/** The process that postmaster.pid names where it lives: the server of this cluster, or one that has its number now. */
export const postmaster = Effect.fnUntraced(function*(files: ClusterFiles) {
  const status = yield* postmasterStatus(files)
  if (status === undefined || !Number.isInteger(status.pid) || !isAlive(status.pid)) return undefined
  return { pid: status.pid, ours: yield* runsHere(files, status.pid) }
})

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
      const command = await output("ps", ["-o", "command=", "-p", String(pid)])
      return command.includes("postgres") && (command.includes(files.cluster) || command.includes(cluster))
    }
    // A postmaster's working directory is its cluster, whatever it was told on the command line.
    return await fs.readlink(`/proc/${pid}/cwd`).then(
      (cwd) => cwd === cluster,
      (cause) => ["ENOENT", "EACCES", "EPERM"].includes(errorCode(cause)) ? false : Promise.reject(cause)
    )
  })

/** Sends a signal to the server of this cluster; to nobody where none runs. */
export const signal = Effect.fnUntraced(function*(files: ClusterFiles, name: NodeJS.Signals) {
  const server = yield* postmaster(files)
  if (server !== undefined && server.ours) send(server.pid, name)
})

/** As `signal`, and to each process that works for the server. */
export const signalAll = Effect.fnUntraced(function*(files: ClusterFiles, name: NodeJS.Signals) {
  const server = yield* postmaster(files)
  if (server === undefined || !server.ours) return
  // A postmaster that is frozen starts no further child; one that is dead has none that could be found.
  send(server.pid, "SIGSTOP")
  for (const child of yield* Effect.promise(() => childrenOf(server.pid))) send(child, name)
  send(server.pid, name)
})

const send = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name)
  } catch (cause) {
    if (errorCode(cause) !== "ESRCH") throw cause
  }
}

const childrenOf = async (pid: number): Promise<ReadonlyArray<number>> => {
  const list = process.platform === "linux"
    ? await fs.readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "")
    : await output("pgrep", ["-P", String(pid)])
  return list.split(/\s+/).filter((word) => word !== "").map(Number)
}

const output = (command: string, args: ReadonlyArray<string>) =>
  promisify(execFile)(command, args).then(({ stdout }) => stdout, () => "")
