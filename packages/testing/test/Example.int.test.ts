import { assert, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"

const packages = path.resolve(import.meta.dirname, "../..")

it("lets a suite outside the workspace use the store in under 20 lines", async () => {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "g-store-example-"))
  try {
    await fs.cp(path.resolve(packages, "../examples/memory-store"), folder, {
      recursive: true,
      filter: (file) => !file.includes("node_modules")
    })
    await fs.mkdir(path.join(folder, "node_modules/@g-store"), { recursive: true })
    await fs.symlink(path.join(packages, "testing"), path.join(folder, "node_modules/@g-store/testing"))
    // Without the variable by which node:test would take itself for a child of another runner.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout } = await promisify(execFile)(process.execPath, ["--test", "--test-reporter=tap"], {
      cwd: folder,
      env
    })
    assert.match(stdout, /^# pass 1$/m)
    assert.match(stdout, /^# fail 0$/m)
    const lines = (await fs.readFile(path.join(folder, "store.test.ts"), "utf8")).trimEnd().split("\n")
    assert.isBelow(lines.length, 20)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
})
