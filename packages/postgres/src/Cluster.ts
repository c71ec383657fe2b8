import { Effect, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import type { Binaries } from "./Binaries.ts"
import { type ClusterFiles, inFolder, lastLines, syncFolder } from "./ClusterFiles.ts"
import { describe, type EmbeddedPostgresError, embeddedPostgresError, errorCode, problemInLog } from "./EmbeddedPostgresError.ts"
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
    const password = yield* passwordOf(files, exists)
    if (!exists) yield* create(files, user)
    return password
  }
)

const unfinished = "postgres.new-"

/** An initdb that was interrupted left a folder under another name; it holds nothing that anyone was told of. */
const removeUnfinished = (files: ClusterFiles) =>
  inFolder(files, async () => {
    for (const name of await fs.readdir(files.dataDir)) {
      if (name.startsWith(unfinished)) await fs.rm(path.join(files.dataDir, name), { recursive: true, force: true, maxRetries: 10 })
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
  const content = yield* inFolder(files, () =>
    fs.readdir(files.cluster).catch((cause) => errorCode(cause) === "ENOENT" ? [] : Promise.reject(cause)))
  if (content.length > 0) {
    return yield* embeddedPostgresError("FolderDamaged", files.dataDir, `${files.cluster} has no PG_VERSION`)
  }
  return false
})

/** Written before the cluster, so that there is never a cluster whose password nobody knows. */
const passwordOf = Effect.fnUntraced(function*(files: ClusterFiles, clusterExists: boolean) {
  const found = yield* inFolder(files, () =>
    fs.readFile(files.password, "utf8")
      .catch((cause) => errorCode(cause) === "ENOENT" ? "" : Promise.reject(cause)))
  if (found.trim() !== "") return Redacted.make(found.trim())
  if (clusterExists) {
    return yield* embeddedPostgresError("FolderDamaged", files.dataDir, `its password file ${files.password} is missing`)
  }
  const bytes = yield* SecureRandom.SecureRandom.pipe(
    Effect.flatMap((random) => random.randomBytes(24)),
    Effect.provide(SecureRandom.layerWebCrypto)
  )
  const fresh = Buffer.from(bytes).toString("base64url")
  yield* inFolder(files, async () => {
    const temporary = path.join(files.dataDir, `${unfinished}password`)
    const handle = await fs.open(temporary, "w", 0o600)
    await handle.writeFile(`${fresh}\n`).then(() => handle.sync()).finally(() => handle.close())
    await fs.rename(temporary, files.password)
  })
  return Redacted.make(fresh)
})

/** Made beside its place and moved there when it is whole and on the disk: a cluster is there, or it is not. */
const create = Effect.fnUntraced(function*(files: ClusterFiles, user: ServerUser) {
  const folder = yield* inFolder(files, () => fs.mkdtemp(path.join(files.dataDir, unfinished)))
  const handOver = (file: string) => user.ids === undefined ? Promise.resolve() : fs.chown(file, user.ids.uid, user.ids.gid)
  yield* inFolder(files, () => handOver(folder))
  yield* Effect.scoped(Effect.gen(function*() {
    // A copy, because initdb opens it again by the name /dev/stdin and so must own it.
    const copy = `${folder}.password`
    yield* inFolder(files, () => fs.copyFile(files.password, copy).then(() => handOver(copy)))
    const stdin = yield* Effect.acquireRelease(
      inFolder(files, () => fs.open(copy, "r")),
      (handle) => Effect.promise(() => handle.close())
    )
    yield* initdb(files, user, folder, stdin.fd)
    yield* inFolder(files, () => fs.rm(copy))
  }))
  yield* inFolder(files, async () => {
    await fs.rm(files.cluster, { recursive: true, force: true })
    await fs.rename(folder, files.cluster)
    await syncFolder(files.dataDir)
  })
})

const initdb = (files: ClusterFiles, user: ServerUser, folder: string, stdin: number) =>
  Effect.callback<void, EmbeddedPostgresError>((resume) => {
    const child = launch(user, "initdb", folder, [
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
    ], [stdin, "pipe", "pipe"])
    let output = ""
    const collect = (chunk: Buffer) => {
      output += chunk.toString("utf8")
    }
    child.stdout?.on("data", collect)
    child.stderr?.on("data", collect)
    child.once("error", (cause) =>
      resume(Effect.fail(embeddedPostgresError("InitFailed", files.dataDir, describe(cause)))))
    child.once("close", (code, signal) => {
      if (code === 0) return resume(Effect.void)
      const log = lastLines(output)
      const problem = problemInLog(log, "InitFailed")
      resume(Effect.fail(embeddedPostgresError(problem, files.dataDir, `initdb ended with ${signal ?? code}`, log)))
    })
    return Effect.callback<void>((stopped) => {
      child.once("close", () => stopped(Effect.void))
      child.kill("SIGTERM")
    })
  })
