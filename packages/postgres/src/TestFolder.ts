import { Config, ConfigProvider, Effect, Option, type Scope } from "effect"
import { spawn } from "node:child_process"
import { chmodSync, cpSync } from "node:fs"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { clusterFiles } from "./ClusterFiles.ts"
import { endAtOnce } from "./LeftOver.ts"
import { withRealClock } from "./RealClock.ts"
import { freeMemory, signalAll } from "./ServerProcesses.ts"

/** The names of all folders made here begin so. */
const prefix = "g-store-test-"
const wantedBytes = 2_000_000_000

/**
 * A folder for a test server's data, in memory where there is room. It goes when the scope ends, and also, with the
 * server in it, when this process ends in any other way.
 */
export const testFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.gen(function*() {
    const folder = yield* Effect.promise(async () => fs.mkdtemp(path.join(await fastest(), prefix)))
    return { folder, reaper: yield* Effect.sync(() => startReaper(folder)) }
  }),
  ({ folder, reaper }) => Effect.andThen(discard(folder), Effect.sync(() => reaper.stdin.end()))
).pipe(Effect.map(({ folder }) => folder))

/** The environment variable by which vitest.ts names a data folder that nobody uses, and that may be copied. */
export const templateVariable = "GSTORE_TEST_TEMPLATE"

/** As `testFolder`, with a database made already where the run has one to copy: 0.1 s instead of initdb's second. */
export const preparedFolder: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function*() {
  const folder = yield* testFolder
  const template = yield* Config.option(Config.String(templateVariable)).parse(ConfigProvider.fromEnv())
  if (Option.isSome(template)) yield* copyCluster(template.value, folder)
  return folder
}).pipe(Effect.orDie)

/** Copies the database of a data folder that no server works on, and its password. */
export const copyCluster = (from: string, to: string) =>
  Effect.sync(() => {
    const [source, target] = [clusterFiles(from), clusterFiles(to)]
    // Synchronously, because a thousand small files are copied five times as fast that way.
    cpSync(source.cluster, target.cluster, { recursive: true })
    // PostgreSQL refuses a folder that others can read, and copies do not keep their mode.
    chmodSync(target.cluster, 0o700)
    cpSync(source.password, target.password)
  })

/** Removes a test's data, and whatever server still works on it, in any state. */
export const discard = (folder: string): Effect.Effect<void> => {
  const files = clusterFiles(folder)
  return signalAll(files, "SIGCONT").pipe(
    Effect.andThen(endAtOnce(files)),
    Effect.catchTag("TimeoutError", () => signalAll(files, "SIGKILL")),
    Effect.andThen(freeMemory(files)),
    Effect.catch((error) => Effect.logWarning(error.message)),
    Effect.andThen(
      Effect.promise(() => fs.rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
    ),
    withRealClock
  )
}

/** Memory is no excuse to run without fsync: it costs nothing there. */
const fastest = async (): Promise<string> => {
  const memory = "/dev/shm"
  const free = await fs.statfs(memory).then((stat) => stat.bavail * stat.bsize, () => 0)
  const writable = await fs.access(memory, fs.constants.W_OK).then(() => true, () => false)
  return writable && free > wantedBytes ? memory : os.tmpdir()
}

/** A process that waits for the end of its standard input, which comes with the end of this one, however it ends. */
const startReaper = (folder: string) => {
  const program = fileURLToPath(new URL("./testReaper.ts", import.meta.url))
  const child = spawn(process.execPath, [program, folder], {
    detached: true,
    cwd: "/",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"]
  })
  // Neither the child nor the pipe keeps this process alive.
  child.unref()
  if ("unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref()
  return child
}
