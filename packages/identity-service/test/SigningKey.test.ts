import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { signingKey } from "../src/SigningKey.ts"
import { folder } from "./identity.ts"

const kidIn = (dir: string) => Effect.map(signingKey(dir), ({ kid }) => kid)

describe("The signing key", () => {
  it.live("is readable by its owner alone, in a folder of its own", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dir = `${yield* folder}/deep/identity`
      yield* kidIn(dir)
      assert.strictEqual((yield* fs.stat(`${dir}/identity-key.json`)).mode & 0o777, 0o600)
      assert.deepStrictEqual(yield* fs.readDirectory(dir), ["identity-key.json"])
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped))

  it.live("is one, however many start at once", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const kids = yield* Effect.replicateEffect(kidIn(dir), 8, { concurrency: "unbounded" })
      assert.strictEqual(new Set(kids).size, 1)
      assert.deepStrictEqual(yield* fs.readDirectory(dir), ["identity-key.json"])
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped))

  it.live("is never overwritten by a starter that did not see it yet", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const first = yield* kidIn(dir)
      let looked = false
      const late = FileSystem.FileSystem.of({
        ...fs,
        exists: (path) =>
          Effect.suspend(() => {
            if (looked) return fs.exists(path)
            looked = true
            return Effect.succeed(false)
          })
      })
      const second = yield* Effect.provideService(kidIn(dir), FileSystem.FileSystem, late)
      assert.strictEqual(second, first)
      assert.strictEqual(yield* kidIn(dir), first)
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped))

  it.live("that was damaged stops the start with a line that says where and what to do", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      yield* fs.writeFileString(`${dir}/identity-key.json`, "{\"kty\":\"EC\"}")
      const error = yield* Effect.flip(signingKey(dir))
      assert.strictEqual(
        error.message,
        `IDENTITY_DATA_DIR: ${dir}/identity-key.json is not the key that was written there: remove it, and tokens issued so far end`
      )
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped))

  it.live("that cannot be kept stops the start with a line that names the folder", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      yield* fs.writeFileString(`${dir}/file`, "")
      const error = yield* Effect.flip(signingKey(`${dir}/file/identity`))
      assert.include(error.message, `IDENTITY_DATA_DIR: the signing key cannot be kept in ${dir}/file/identity`)
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped))
})
