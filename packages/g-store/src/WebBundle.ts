import { Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"

/** The page could not be built; the store goes on without it. `reason` says what to mend. */
export class WebBuildFailed extends Schema.TaggedError<WebBuildFailed>()("WebBuildFailed", { reason: Schema.String }) {}

/** What the bundle is made of, below packages/. */
const SOURCES = ["web/src", "web/public", "web/index.html", "web/vite.config.ts", "web/package.json", "client/src"]
const LOG_CHARACTERS = 600

const modified = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const { mtime, type } = yield* fs.stat(file)
  return type === "Directory" ? 0 : Option.match(mtime, { onNone: () => 0, onSome: (time) => time.getTime() })
})

const newestBelow = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { type } = yield* fs.stat(file)
  const files = type === "Directory" ? (yield* fs.readDirectory(file, { recursive: true })) : [""]
  const times = yield* Effect.forEach(files, (name) => modified(path.join(file, name)), { concurrency: 16 })
  return Math.max(0, ...times)
})

const isFresh = Effect.fnUntraced(function*(packages: string, index: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!(yield* fs.exists(index))) return false
  const sources = yield* Effect.forEach(SOURCES, (source) => newestBelow(path.join(packages, source)))
  return (yield* modified(index)) >= Math.max(...sources)
})

const build = Effect.fnUntraced(function*(vite: string, web: string, outDir: string) {
  const command = ChildProcess.make(
    process.execPath,
    [vite, "build", web, "--outDir", outDir, "--emptyOutDir", "--logLevel", "warn"],
    { cwd: web, env: { NODE_ENV: "production" }, extendEnv: true, stdin: "ignore" }
  )
  const handle = yield* command
  const [output, code] = yield* Effect.all([Stream.mkString(Stream.decodeText(handle.all)), handle.exitCode], {
    concurrency: 2
  })
  if (code !== 0) {
    const shown = output.trim().replace(/\s*\n\s*/g, " | ").slice(-LOG_CHARACTERS)
    return yield* new WebBuildFailed({ reason: `vite ended with ${code}: ${shown}` })
  }
}, Effect.scoped)

/**
 * The folder with the built page. Builds it, in a process of its own, where there is none or the sources are newer. What
 * is built is put in place at once and whole, so that several stores may do this at the same time.
 */
export const webBundle = Effect.fnUntraced(function*(packages: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const web = path.join(packages, "web")
  const dist = path.join(web, "dist")
  if (yield* isFresh(packages, path.join(dist, "index.html"))) return dist
  const vite = path.join(web, "node_modules/vite/bin/vite.js")
  if (!(yield* fs.exists(vite))) {
    return yield* new WebBuildFailed({
      reason: "vite is not installed: `pnpm install` in the project's folder brings it"
    })
  }
  yield* Effect.logInfo("building the page, which is done once").pipe(Effect.annotateLogs({ module: "web" }))
  const scratch = yield* fs.makeTempDirectoryScoped({ directory: path.join(web, "node_modules"), prefix: ".page-" })
  const built = path.join(scratch, "new")
  yield* build(vite, web, built)
  yield* fs.rename(dist, path.join(scratch, "old")).pipe(
    Effect.catchReason("PlatformError", "NotFound", () => Effect.void)
  )
  yield* fs.rename(built, dist)
  return dist
}, Effect.scoped)
