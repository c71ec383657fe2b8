import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as path from "node:path"

describe("sockets that come and go", () => {
  it.live("leave no memory, handle or listener behind", () =>
    Effect.gen(function*() {
      const script = path.join(import.meta.dirname, "bench/leak.ts")
      const { code, said } = yield* Effect.callback<{ readonly code: number; readonly said: string }>((resume) => {
        const child = execFile(process.execPath, ["--expose-gc", script, "500"], (error, stdout, stderr) => {
          resume(Effect.succeed({ code: error === null ? 0 : 1, said: stdout + stderr }))
        })
        return Effect.sync(() => child.kill("SIGKILL"))
      })
      assert.strictEqual(code, 0, said)
      assert.include(said, "500 sockets came and went")
    }), 120_000)
})
