import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { complete, locate } from "../src/Binaries.ts"
import { testFolder } from "../src/TestFolder.ts"
import { games, lacksOtherUsers, reachableNode } from "./users.ts"

/** The package as npm leaves it where install scripts are off. */
const withoutLinks = Effect.gen(function*() {
  const folder = yield* testFolder
  const { native } = yield* locate(folder)
  const copy = path.join(folder, "native")
  yield* Effect.promise(async () => {
    await fs.chmod(folder, 0o755)
    await fs.cp(native, copy, { recursive: true, filter: async (from) => !(await fs.lstat(from)).isSymbolicLink() })
  })
  return copy
})

const version = (native: string) =>
  execFileSync(path.join(native, "bin/postgres"), ["--version"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"]
  })

describe("a package that was installed without its scripts", () => {
  it.live("gets its library links at the first start", () =>
    Effect.gen(function*() {
      const native = yield* withoutLinks
      assert.throws(() => version(native), /libicu/)
      yield* complete("/nowhere", { native, version: "test" })
      assert.match(version(native), /PostgreSQL\) 18/)
      const [original, copy] = yield* Effect.all([
        Effect.flatMap(locate("/nowhere"), (binaries) => listing(binaries.native)),
        listing(native)
      ])
      assert.deepStrictEqual(copy, original)
    }))

  it.live("is copied for a user who may not write it, once, and mended when the copy is not whole", (ctx) => {
    ctx.skip(lacksOtherUsers !== undefined, lacksOtherUsers)
    return Effect.gen(function*() {
      const native = yield* withoutLinks
      const node = yield* reachableNode
      const tmp = path.join(path.dirname(native), "tmp")
      yield* Effect.promise(() => fs.mkdir(tmp).then(() => fs.chown(tmp, games.uid, games.gid)))
      const program = fileURLToPath(new URL("./binaries.ts", import.meta.url))
      const completed = () =>
        execFileSync(node, [program, native], { ...games, cwd: "/", env: { TMPDIR: tmp }, encoding: "utf8" })
      const copy = completed()
      assert.strictEqual(copy, path.join(tmp, `g-store-postgres-test-${games.uid}`))
      assert.match(version(copy), /PostgreSQL\) 18/)

      const before = yield* Effect.promise(() => fs.stat(copy))
      assert.strictEqual(completed(), copy)
      assert.strictEqual((yield* Effect.promise(() => fs.stat(copy))).ino, before.ino)

      yield* Effect.promise(() => fs.rm(path.join(copy, "share"), { recursive: true }))
      completed()
      assert.deepStrictEqual(
        yield* listing(copy),
        yield* Effect.flatMap(locate("/nowhere"), ({ native: n }) => listing(n))
      )
      assert.deepStrictEqual(yield* Effect.promise(() => fs.readdir(tmp)), [path.basename(copy)])
    })
  })
})

const listing = (folder: string) =>
  Effect.promise(async () => (await fs.readdir(folder, { recursive: true })).toSorted())
