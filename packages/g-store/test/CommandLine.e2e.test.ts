import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import * as path from "node:path"
import { run } from "./kills/StoreProcess.ts"
import { scratchFolder } from "./scratchFolder.ts"

/** Runs a command to its end: the exit code, and all that it printed. */
const ended = Effect.fnUntraced(function*(args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) {
  const command = yield* run(args, { GSTORE_DATA_DIR: "/nonexistent", ...env })
  return { code: yield* command.ended, text: yield* command.output }
}, Effect.scoped)

const refusals: ReadonlyArray<readonly [args: string, said: RegExp]> = [
  ["audit --bogus", /--bogus/],
  ["audit --settle soon", /--settle/],
  ["nonsense", /nonsense/],
  ["demo --rate 0", /--rate: "0". Expected a number from 0.001 to 100000/],
  ["demo --rate=-3", /--rate/],
  ["demo --orders 0", /--orders: "0". Expected a number from 1 to 10000000/],
  ["demo --patience=-1", /--patience/],
  ["demo --url foo", /--url: "foo". Expected an http:\/\/ or https:\/\/ URL/],
  ["demo --journal /no/dir/x", /the journal \/no\/dir\/x cannot be written: there is no such folder/],
  ["audit --settle=-1", /--settle: "-1". Expected a number from 0 to 86400/],
  ["token --user x", /--user: "x". Expected a UUID/],
  ["dead-letters discard an-id --reason=", /--reason. Expected some words/],
  ["dead-letters replay", /Name a dead letter, or say --all/]
]

describe("A command that cannot be understood says why and ends with 2, for 1 is a store that is not as it should be:", () => {
  it.live.each(refusals)("%s", ([args, said]) =>
    Effect.gen(function*() {
      const { code, text } = yield* ended(args.split(" "))
      assert.match(text, said)
      assert.strictEqual(code, 2, text)
    }))
})

it.live("help that was asked for is no failure", () =>
  Effect.gen(function*() {
    for (const args of [["--help"], ["dead-letters"], ["audit", "--help"]]) {
      assert.strictEqual((yield* ended(args)).code, 0)
    }
  }))

it.live("token gives none that the store would not take", () =>
  Effect.gen(function*() {
    const GSTORE_DATA_DIR = yield* scratchFolder("token")
    const args = ["token", "--user", "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10"]
    const refused = [
      { GSTORE_ENV: "production" },
      { AUTH_JWKS_URL: "https://id.example/jwks.json" }
    ]
    for (const env of refused) {
      const { code, text } = yield* ended(args, { GSTORE_DATA_DIR, ...env })
      assert.strictEqual(code, 2)
      assert.match(text, new RegExp(`^gstore: ${Object.keys(env)[0]}: .*\\n$`))
    }
    assert.match((yield* ended(args, { GSTORE_DATA_DIR, AUTH_JWKS_URL: "" })).text, /^ey/)
  }).pipe(Effect.scoped))

it.live("what looks at a store makes none where there is none", () =>
  Effect.gen(function*() {
    const GSTORE_DATA_DIR = path.join(yield* scratchFolder("misspelt"), "g-stroe")
    for (const args of [["audit"], ["outbox", "status"], ["dead-letters", "list"], ["audit", "--watch"]]) {
      const { code, text } = yield* ended(args, { GSTORE_DATA_DIR })
      assert.notStrictEqual(code, 0)
      assert.include(
        text,
        `The data folder ${GSTORE_DATA_DIR} has no store: see that GSTORE_DATA_DIR names the right one.`
      )
      assert.isFalse(existsSync(GSTORE_DATA_DIR))
    }
  }).pipe(Effect.scoped))

it.live("migrate makes a store, and logs as it is told to", () =>
  Effect.gen(function*() {
    const GSTORE_DATA_DIR = yield* scratchFolder("migrate")
    const { code, text } = yield* ended(["migrate"], { GSTORE_DATA_DIR, LOG_FORMAT: "json" })
    assert.strictEqual(code, 0, text)
    assert.match(text, /^\{"timestamp":.*"module":"migrations","message":"schema migrated to \d+"\}$/m)
    assert.strictEqual((yield* ended(["outbox", "status"], { GSTORE_DATA_DIR })).code, 0)
  }).pipe(Effect.scoped))
