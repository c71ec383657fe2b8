import { Effect } from "effect"
import * as path from "node:path"
import { freePort } from "../freePort.ts"
import { scratchFolder } from "../scratchFolder.ts"
import { run } from "./StoreProcess.ts"

/** A store in one process, with a folder and ports of its own; not started yet. */
export const embeddedStore = Effect.fnUntraced(
  function*(name: string, settings: Readonly<Record<string, string>> = {}) {
    const dataDir = yield* scratchFolder(name)
    const env = {
      GSTORE_DATA_DIR: dataDir,
      GATEWAY_PORT: String(yield* freePort),
      ADMIN_PORT: String(yield* freePort),
      WEB_PORT: String(yield* freePort),
      LOG_LEVEL: "warn",
      ...settings
    }
    return {
      dataDir,
      /** Where the demo writes what was acknowledged, unless somebody names another file. */
      journal: path.join(dataDir, "journal.jsonl"),
      /** Starts it; done when it says that it is ready. */
      start: Effect.tap(run(["start"], env), (store) => store.printed("g-store is ready")),
      /** A command of the operator's. */
      gstore: (...args: ReadonlyArray<string>) => run(args, env)
    }
  }
)
