import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { assert, beforeEach, describe, it } from "vitest"
import { makeFolder } from "../src/makeFolder.ts"

let place: string
beforeEach(async () => {
  place = await fs.mkdtemp(path.join(tmpdir(), "g-store-folder-"))
  return () => fs.rm(place, { recursive: true, force: true })
})

const refusal = (folder: string) => makeFolder(folder).then(() => undefined, (cause: unknown) => String(cause))

describe("A data folder", () => {
  it("is made with those that it lies in, for their owner alone, and left as it is where it is there", async () => {
    const folder = path.join(place, "a", "b")
    await makeFolder(folder)
    for (const made of [folder, path.dirname(folder)]) assert.strictEqual((await fs.stat(made)).mode & 0o777, 0o700)
    await fs.chmod(folder, 0o750)
    await Promise.all([makeFolder(folder), makeFolder(folder)])
    assert.strictEqual((await fs.stat(folder)).mode & 0o777, 0o750)
  })

  it("is refused where a file is in its place or above it", async () => {
    const file = path.join(place, "file")
    await fs.writeFile(file, "")
    assert.include(await refusal(file), "is a file")
    assert.include(await refusal(path.join(file, "folder")), "ENOTDIR")
  })

  it("is refused, rather than tried for ever, where a folder takes no new ones", async (ctx) => {
    if (process.platform !== "linux") return ctx.skip("linux: no /proc here")
    assert.include(await refusal("/proc/g-store/data"), "ENOENT")
  })
})
