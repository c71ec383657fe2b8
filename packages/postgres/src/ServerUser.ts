import { Effect, Result } from "effect"
import { type ChildProcess, execFile, spawn, type StdioOptions } from "node:child_process"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { type Binaries, copied } from "./Binaries.ts"
import { type ClusterFiles, inFolder } from "./ClusterFiles.ts"
import { describe, type EmbeddedPostgresError, embeddedPostgresError } from "./EmbeddedPostgresError.ts"

/** As whom, and from where, PostgreSQL's programs run: they refuse root, and initdb refuses a user without a name. */
export interface ServerUser {
  readonly binaries: Binaries
  /** Put before every program, e.g. unshare and its options. */
  readonly prefix: ReadonlyArray<string>
  /** Another user than ours; the files of the cluster are then theirs. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined
}

/** `nobody`: a name that every system has. */
const nobody = 65534
const userNamespace = ["unshare", "--user", `--map-user=${nobody}`, `--map-group=${nobody}`]

export const choose = Effect.fn("ServerUser.choose")(
  function*(files: ClusterFiles, binaries: Binaries): Effect.fn.Return<ServerUser, EmbeddedPostgresError> {
    const me = process.geteuid?.() ?? -1
    const plain: ServerUser = { binaries, prefix: [], ids: undefined }
    const mapped: ServerUser = { binaries, prefix: userNamespace, ids: undefined }
    const owner = yield* inFolder(
      files,
      () => fs.stat(files.cluster).catch((cause) => cause.code === "ENOENT" ? undefined : Promise.reject(cause))
    )
    if (me !== 0) {
      if (owner !== undefined && owner.uid !== me) {
        return yield* embeddedPostgresError("FolderForeign", files.dataDir, `another user (uid ${owner.uid})`)
      }
      return hasName() ? plain : yield* firstUsable(files, [mapped])
    }
    // A cluster that an ordinary user began stays theirs, so that they can go on with it.
    if (owner !== undefined && owner.uid !== 0) {
      return yield* firstUsable(files, [{ ...plain, ids: { uid: owner.uid, gid: owner.gid } }])
    }
    // Root is refused by PostgreSQL, and only Linux has the two ways round that are known to work.
    if (process.platform !== "linux") return yield* embeddedPostgresError("UserRefused", files.dataDir, "root")
    return yield* firstUsable(files, [mapped, { ...plain, ids: { uid: nobody, gid: nobody } }])
  }
)

/**
 * The first candidate as whom the server's program runs at all, from its place or else from a copy that this user
 * can reach. Inside a user namespace root stays the owner of the files outside of it, so nothing has to be copied.
 */
const firstUsable = Effect.fnUntraced(function*(
  files: ClusterFiles,
  candidates: ReadonlyArray<ServerUser>
): Effect.fn.Return<ServerUser, EmbeddedPostgresError> {
  const refusals: Array<string> = []
  for (const candidate of candidates) {
    const inPlace = yield* Effect.result(tries(files, candidate))
    if (Result.isSuccess(inPlace)) return candidate
    refusals.push(inPlace.failure)
    if (candidate.ids === undefined) continue
    const moved = { ...candidate, binaries: yield* copied(files.dataDir, candidate.binaries) }
    const fromCopy = yield* Effect.result(tries(files, moved))
    if (Result.isSuccess(fromCopy)) return moved
    refusals.push(fromCopy.failure)
  }
  return yield* embeddedPostgresError("UserRefused", files.dataDir, refusals.join("; "))
})

const tries = (files: ClusterFiles, user: ServerUser): Effect.Effect<unknown, string> =>
  Effect.tryPromise({ try: () => execute(user, "postgres --version", files.dataDir, []), catch: oneLine })

const oneLine = (cause: unknown) => describe(cause).trim().split("\n").at(-1) ?? ""

const hasName = (): boolean => {
  try {
    return os.userInfo().username !== ""
  } catch {
    return false
  }
}

/**
 * The folder as the programs are told it. Another user may not be able to enter the folders above it; but a working
 * directory once entered needs no path, so they are started inside and pointed at it.
 */
const folderFor = (user: ServerUser, folder: string) =>
  user.ids !== undefined && process.platform === "linux" ? "/proc/self/cwd" : folder

/** Nothing of our environment: PGPORT and its like would be obeyed. */
const environment = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" }

type Program = "initdb" | "pg_ctl" | "postgres" | "postgres --single" | "postgres --version"

/** The command line of a program on a folder. `--single` and `--version` have to be PostgreSQL's first argument. */
const commandLine = (user: ServerUser, program: Program, folder: string, args: ReadonlyArray<string>) => {
  const [name = "", ...first] = program.split(" ")
  const binary = path.join(user.binaries.native, "bin", name)
  const [command = "", ...rest] = [...user.prefix, binary, ...first, "-D", folderFor(user, folder), ...args]
  return [command, rest] as const
}

const execute = (user: ServerUser, program: Program, folder: string, args: ReadonlyArray<string>) =>
  promisify(execFile)(...commandLine(user, program, folder, args), { ...user.ids, cwd: folder, env: environment })

/** Runs pg_ctl on the cluster. Fails with what it printed. */
export const pgCtl = (user: ServerUser, cluster: string, args: ReadonlyArray<string>): Effect.Effect<void, string> =>
  Effect.tryPromise({ try: () => execute(user, "pg_ctl", cluster, args), catch: oneLine })

/** Starts a program on the folder, with `extra` variables in an environment that is otherwise empty. */
export const launch = (
  user: ServerUser,
  program: Program,
  folder: string,
  args: ReadonlyArray<string>,
  stdio: StdioOptions,
  extra: Readonly<Record<string, string>> = {}
): ChildProcess =>
  spawn(...commandLine(user, program, folder, args), {
    ...user.ids,
    cwd: folder,
    env: { ...environment, ...extra },
    // In a session of its own: Ctrl-C reaches us, and we end the server after its last client.
    detached: true,
    stdio
  })
