import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
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
