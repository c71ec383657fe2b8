import { Effect, type Scope } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

/** A user that every Linux has, with a name and without power; nothing runs as it. */
export const games = { uid: 5, gid: 60 }

/** A user whom no list of users knows. */
export const nameless = { uid: 54_321, gid: 54_321 }

/** This Node where others can run it: it may lie in a home folder. */
export const reachableNode: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = await fs.mkdtemp(path.join(os.tmpdir(), "g-store-node-"))
      await fs.chmod(folder, 0o755)
      const node = path.join(folder, "node")
      await fs.link(process.execPath, node).catch(() => fs.copyFile(process.execPath, node))
      return folder
    }),
    (folder) => Effect.promise(() => fs.rm(folder, { recursive: true }))
  ),
  (folder) => path.join(folder, "node")
)

const source = fileURLToPath(new URL("../src/EmbeddedPostgres.ts", import.meta.url))

/** Why nothing can be started as another user here. */
export const lacksOtherUsers: string | undefined = (() => {
  if (process.getuid?.() !== 0) return "root: only root can start something as somebody else"
  if (process.platform !== "linux") return "linux: other systems have other users"
  const sees = spawnSync("/usr/bin/test", ["-r", source], games)
  return sees.status === 0 ? undefined : "place: other users cannot enter the folder of these tests"
})()
