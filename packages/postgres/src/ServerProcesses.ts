import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { promisify } from "node:util"
import { type ClusterFiles, inFolder } from "./ClusterFiles.ts"
import { errorCode } from "./EmbeddedPostgresError.ts"

/** What postmaster.pid says of the server, undefined where there is none. `memory` is its System V segment. */
export const postmasterStatus = (files: ClusterFiles) =>
  inFolder(files, () =>
    fs.readFile(path.join(files.cluster, "postmaster.pid"), "utf8").then(
      (text) => {
        const lines = text.split("\n")
        return {
          pid: Number.parseInt(lines[0] ?? "", 10),
          memory: lines[6]?.trim().split(/\s+/)[1],
          ready: lines[7]?.trim() === "ready"
        }
      },
      (cause) => errorCode(cause) === "ENOENT" ? undefined : Promise.reject(cause)
    ))

/** The process that postmaster.pid names where it lives: the server of this cluster, or one that has its number now. */
export const postmaster = Effect.fnUntraced(function*(files: ClusterFiles) {
  const status = yield* postmasterStatus(files)
  if (status === undefined || !Number.isInteger(status.pid) || !isAlive(status.pid)) return undefined
  return { pid: status.pid, ours: yield* isOurs(files, status.pid) }
})

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return errorCode(cause) === "EPERM"
  }
}

/** Whether the process is a server of this very cluster: a process id alone may belong to anyone after a reboot. */
export const isOurs = (files: ClusterFiles, pid: number) =>
  inFolder(files, async () => {
    if (process.platform !== "linux") {
      const command = await output("ps", ["-o", "command=", "-p", String(pid)])
      return command.includes("postgres") && command.includes(files.cluster)
    }
    // A postmaster's working directory is its cluster. Compared as a folder and not by name, which differs between
    // this process and one in a container.
    const [ours, theirs] = await Promise.all([
      fs.stat(files.cluster),
      fs.stat(`/proc/${pid}/cwd`).catch((cause) =>
        ["ENOENT", "EACCES", "EPERM", "ESRCH"].includes(errorCode(cause)) ? undefined : Promise.reject(cause)
      )
    ])
    return theirs?.ino === ours.ino && theirs.dev === ours.dev
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

export const childrenOf = async (pid: number): Promise<ReadonlyArray<number>> => {
  const list = process.platform === "linux"
    ? await fs.readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "")
    : await output("pgrep", ["-P", String(pid)])
  return list.split(/\s+/).filter((word) => word !== "").map(Number)
}

/** Nothing but a start in the same folder frees the memory that a killed server held; only so many segments can be. */
export const freeMemory = Effect.fnUntraced(function*(files: ClusterFiles) {
  const status = yield* postmasterStatus(files)
  if (status?.memory !== undefined && !isAlive(status.pid)) {
    yield* Effect.promise(() => output("ipcrm", ["-m", status.memory ?? ""]))
  }
})

const output = (command: string, args: ReadonlyArray<string>) =>
  promisify(execFile)(command, args).then(({ stdout }) => stdout, () => "")
