import { existsSync, mkdtempSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { assert, it } from "vitest"
import { locked } from "../lock.mjs"

const lockFile = () => path.join(mkdtempSync(path.join(tmpdir(), "g-store-lock-")), "lock")

it("lets one task after the other through", async () => {
  const file = lockFile()
  let inside = 0
  const task = async () => {
    inside++
    assert.strictEqual(inside, 1)
    await new Promise(setImmediate)
    inside--
  }
  await Promise.all(Array.from({ length: 4 }, () => locked(file, task)))
  assert.isFalse(existsSync(file))
})

it("gives the lock back when the task fails", async () => {
  const file = lockFile()
  const failure = await locked(file, () => Promise.reject(new Error("no"))).catch((error) => error)
  assert.strictEqual(failure.message, "no")
  assert.strictEqual(await locked(file, async () => "next"), "next")
})

it("takes over from a holder that was killed", async () => {
  const file = lockFile()
  writeFileSync(file, "somebody")
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(file, longAgo, longAgo)
  let inside = 0
  await Promise.all(Array.from({ length: 3 }, () =>
    locked(file, async () => {
      inside++
      assert.strictEqual(inside, 1)
      await new Promise(setImmediate)
      inside--
    })))
})
