import { Effect, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import type { ChildProcess } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import type { Binaries } from "./Binaries.ts"
import { type ClusterFiles, inFolder, lastLines, syncFolder } from "./ClusterFiles.ts"
import {
  describe,
  type EmbeddedPostgresError,
  embeddedPostgresError,
  errorCode,
  problemInLog
} from "./EmbeddedPostgresError.ts"
import { launch, type ServerUser } from "./ServerUser.ts"

/** PostgreSQL's superuser in every cluster made here. */
export const superuser = "postgres"

/** The cluster's password, the cluster itself made where there is none yet. */
export const prepare = Effect.fn("Cluster.prepare")(
  function*(
    files: ClusterFiles,
    user: ServerUser
  ): Effect.fn.Return<Redacted.Redacted, EmbeddedPostgresError> {
    yield* removeUnfinished(files)
    const exists = yield* isThere(files, user.binaries)
    if (exists) yield* handOver(files, user)
    const known = yield* knownPassword(files)
    const password = known ?? (yield* newPassword)
    // The file appears last for a cluster that is there, and first for one that is not: whatever interrupts this,
    // the next start finds the right password or none.
    if (exists && known === undefined) yield* resetPassword(files, user, password)
    if (known === undefined) yield* writePassword(files, password)
    if (!exists) yield* create(files, user)
    return password
  }
)

const unfinished = "postgres.new-"

/** An initdb that was interrupted left a folder under another name; it holds nothing that anyone was told of. */
const removeUnfinished = (files: ClusterFiles) =>
  inFolder(files, async () => {
    for (const name of await fs.readdir(files.dataDir)) {
      if (name.startsWith(unfinished)) {
        await fs.rm(path.join(files.dataDir, name), { recursive: true, force: true, maxRetries: 10 })
      }
    }
  })

const isThere = Effect.fnUntraced(function*(files: ClusterFiles, binaries: Binaries) {
  const written = yield* inFolder(files, () =>
    fs.readFile(path.join(files.cluster, "PG_VERSION"), "utf8")
      .catch((cause) => errorCode(cause) === "ENOENT" ? undefined : Promise.reject(cause)))
  const major = binaries.version.split(".")[0] ?? ""
  if (written !== undefined) {
    if (written.trim() === major) return true
    return yield* embeddedPostgresError(
      "OtherVersion",
      files.dataDir,
      `PostgreSQL ${written.trim()}, and this is PostgreSQL ${major}`
    )
  }
  const content = yield* inFolder(
    files,
    () => fs.readdir(files.cluster).catch((cause) => errorCode(cause) === "ENOENT" ? [] : Promise.reject(cause))
  )
  if (content.length > 0) {
    return yield* embeddedPostgresError("FolderDamaged", files.dataDir, `${files.cluster} has no PG_VERSION`)
  }
  return false
})

/** A cluster that root began in a user namespace has to change hands where those are refused. */
const handOver = Effect.fnUntraced(function*({ cluster, ...files }: ClusterFiles, { ids }: ServerUser) {
  yield* inFolder({ cluster, ...files }, async () => {
    if (ids === undefined || (await fs.stat(cluster)).uid === ids.uid) return
    for (const name of await fs.readdir(cluster, { recursive: true })) {
      await fs.lchown(path.join(cluster, name), ids.uid, ids.gid)
    }
    // Last, because it is what tells that the work is done.
    await fs.chown(cluster, ids.uid, ids.gid)
  })
})

const knownPassword = (files: ClusterFiles) =>
  inFolder(files, async () => {
    const text = await fs.readFile(files.password, "utf8")
      .catch((cause) => errorCode(cause) === "ENOENT" ? "" : Promise.reject(cause))
    return text.trim() === "" ? undefined : Redacted.make(text.trim())
  })

const newPassword = SecureRandom.SecureRandom.pipe(
  Effect.flatMap((random) => random.randomBytes(24)),
  Effect.map((bytes) => Redacted.make(Buffer.from(bytes).toString("base64url"))),
  Effect.provide(SecureRandom.layerWebCrypto)
)

const writePassword = (files: ClusterFiles, password: Redacted.Redacted) =>
  inFolder(files, async () => {
    const temporary = path.join(files.dataDir, `${unfinished}password`)
    const handle = await fs.open(temporary, "w", 0o600)
    await handle.writeFile(`${Redacted.value(password)}\n`).then(() => handle.sync()).finally(() => handle.close())
    await fs.rename(temporary, files.password)
    await syncFolder(files.dataDir)
  })

/** Whoever may write the cluster may also set its password; a lost file is no reason to lose the data. */
const resetPassword = (files: ClusterFiles, user: ServerUser, password: Redacted.Redacted) =>
  completed(
    () => {
      const child = launch(user, "postgres --single", files.cluster, [superuser], ["pipe", "pipe", "pipe"])
      child.stdin?.end(`ALTER ROLE ${superuser} PASSWORD '${Redacted.value(password)}'\n`)
      return child
    },
    (detail, log) =>
      embeddedPostgresError(
        problemInLog(log, "StartFailed"),
        files.dataDir,
        `its password could not be set, ${detail}`,
        log
      )
  )

/** Made beside its place and moved there when it is whole and on the disk: a cluster is there, or it is not. */
const create = Effect.fnUntraced(function*(files: ClusterFiles, user: ServerUser) {
  const folder = yield* inFolder(files, () => fs.mkdtemp(path.join(files.dataDir, unfinished)))
  const give = async (file: string) => user.ids === undefined || fs.chown(file, user.ids.uid, user.ids.gid)
  yield* inFolder(files, () => give(folder))
  yield* Effect.scoped(Effect.gen(function*() {
    // A copy, because initdb opens it again by the name /dev/stdin and so must own it.
    const copy = `${folder}.password`
    yield* inFolder(files, () => fs.copyFile(files.password, copy).then(() => give(copy)))
    const stdin = yield* Effect.acquireRelease(
      inFolder(files, () => fs.open(copy, "r")),
      (handle) => Effect.promise(() => handle.close())
    )
    yield* initdb(files, user, folder, stdin.fd)
    yield* inFolder(files, () => fs.rm(copy))
  })).pipe(
    // What failed for want of space must not go on taking some. That it is gone is the next start's business too.
    Effect.onError(() => Effect.ignore(removeUnfinished(files)))
  )
  yield* inFolder(files, async () => {
    await fs.rm(files.cluster, { recursive: true, force: true })
    await fs.rename(folder, files.cluster)
    await syncFolder(files.dataDir)
  })
})

const initdb = (files: ClusterFiles, user: ServerUser, folder: string, stdin: number) =>
  completed(
    () =>
      launch(user, "initdb", folder, [
        `--username=${superuser}`,
        "--pwfile=/dev/stdin",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        // Byte order is fast and never changes under an index, as an operating system's locale does with an upgrade.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        // Iterations slow down guessing; nobody guesses 192 random bits, but every connection would pay for them.
        "--set=scram_iterations=1",
        "--no-instructions"
      ], [stdin, "pipe", "pipe"]),
    (detail, log) => embeddedPostgresError(problemInLog(log, "InitFailed"), files.dataDir, `initdb ${detail}`, log)
  )

/** Waits for a program's end; what it printed belongs to the error. */
const completed = (
  begin: () => ChildProcess,
  failed: (detail: string, log: ReadonlyArray<string>) => EmbeddedPostgresError
) =>
  Effect.callback<void, EmbeddedPostgresError>((resume) => {
    const child = begin()
    let output = ""
    const collect = (chunk: Buffer) => {
      output += chunk.toString("utf8")
    }
    child.stdout?.on("data", collect)
    child.stderr?.on("data", collect)
    child.once("error", (cause) => resume(Effect.fail(failed(describe(cause), []))))
    child.once("close", (code, signal) =>
      resume(code === 0 ? Effect.void : Effect.fail(failed(`ended with ${signal ?? code}`, lastLines(output)))))
    return Effect.callback<void>((stopped) => {
      child.once("close", () =>
        stopped(Effect.void))
      child.kill("SIGTERM")
    })
  })
