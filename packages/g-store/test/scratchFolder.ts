import { Effect } from "effect"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"

/** A folder of its own until the scope ends. */
export const scratchFolder = (name: string) =>
  Effect.acquireRelease(
    Effect.promise(() => fs.mkdtemp(path.join(tmpdir(), `g-store-${name}-`))),
    (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }))
  )
