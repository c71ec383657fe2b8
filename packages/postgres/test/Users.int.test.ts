import { assert, beforeEach, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { clusterFiles } from "../src/ClusterFiles.ts"
import { testFolder } from "../src/TestFolder.ts"
import { killNode, type Launch, type Outcome, remember, remembered, store } from "./processes.ts"
import { games, lacksOtherUsers, nameless, reachableNode } from "./users.ts"

const up = (outcome: typeof Outcome.Type) =>
  outcome._tag === "Up" ? Effect.succeed(outcome) : Effect.die(new Error(outcome.message))
const refusal = (outcome: typeof Outcome.Type) =>
  outcome._tag === "Refused" ? outcome : { error: "", problem: "", message: "it runs" }

/** A folder that only `owner` can enter. */
const home = (owner: { readonly uid: number; readonly gid: number }) =>
  Effect.gen(function*() {
    const folder = yield* testFolder
    yield* Effect.promise(() => fs.chmod(folder, 0o755))
    const own = path.join(folder, "home")
    yield* Effect.promise(() => fs.mkdir(own, { mode: 0o700 }).then(() => fs.chown(own, owner.uid, owner.gid)))
    return own
  })

const as = (ids: Launch["ids"]) =>
  Effect.map(reachableNode, (node): Launch => ({ node, ...(ids === undefined ? {} : { ids }) }))

/** A root that has been changed may not make user namespaces, as in many containers. */
const withoutNamespaces = ["unshare", "--mount", "sh", "-c", "mount --rbind / /mnt && exec chroot /mnt \"$@\"", "sh"]

const lacksChroot = lacksOtherUsers ??
  (spawnSync(withoutNamespaces[0] ?? "", [...withoutNamespaces.slice(1), "true"]).status === 0
    ? undefined
    : "mounts: this root may not mount")

describe("a store", () => {
  beforeEach((ctx) => ctx.skip(lacksOtherUsers !== undefined, lacksOtherUsers))

  const startsTwice = (dataDir: string, launch: Launch) =>
    Effect.gen(function*() {
      const first = yield* store(dataDir, launch)
      const { url } = yield* up(first.outcome)
      yield* remember(url)
      yield* killNode(first.child)
      const second = yield* up((yield* store(dataDir, launch)).outcome)
      assert.strictEqual(yield* remembered(second.url), 1)
    })

  it.live("runs as root, in a folder that only root can enter", () =>
    Effect.gen(function*() {
      const dataDir = path.join(yield* home({ uid: 0, gid: 0 }), "data")
      yield* startsTwice(dataDir, {})
      const { uid } = yield* Effect.promise(() => fs.stat(clusterFiles(dataDir).cluster))
      assert.strictEqual(uid, 0)
    }))

  it.live("runs as an ordinary user, in a home folder that only they can enter", () =>
    Effect.gen(function*() {
      yield* startsTwice(path.join(yield* home(games), "data"), yield* as(games))
    }))

  it.live("runs as a user without a name, as containers have them", () =>
    Effect.gen(function*() {
      yield* startsTwice(path.join(yield* home(nameless), "data"), yield* as(nameless))
    }))

  it.live("of an ordinary user stays theirs when root starts it once", () =>
    Effect.gen(function*() {
      const dataDir = path.join(yield* home(games), "data")
      const ordinary = yield* as(games)
      yield* Effect.scoped(Effect.flatMap(store(dataDir, ordinary), ({ outcome }) => up(outcome)))
      yield* Effect.promise(() => fs.rm(clusterFiles(dataDir).log))
      yield* Effect.scoped(Effect.flatMap(store(dataDir), ({ outcome }) => up(outcome)))
      yield* up((yield* store(dataDir, ordinary)).outcome)
    }))

  it.live("tells an ordinary user whose the folder of another one is", () =>
    Effect.gen(function*() {
      const dataDir = path.join(yield* home({ uid: 0, gid: 0 }), "data")
      yield* Effect.scoped(Effect.flatMap(store(dataDir), ({ outcome }) => up(outcome)))
      // All but the database itself is theirs now.
      const files = [
        path.dirname(dataDir),
        dataDir,
        ...["store.lock", "store.pid", "postgres.lock"]
          .map((name) => path.join(dataDir, name))
      ]
      yield* Effect.promise(() => Promise.all(files.map((file) => fs.chown(file, games.uid, games.gid))))
      const { message, problem } = refusal((yield* store(dataDir, yield* as(games))).outcome)
      assert.strictEqual(problem, "FolderForeign")
      assert.include(message, "uid 0")
    }))

  it.live("says that a folder is read-only", () =>
    Effect.gen(function*() {
      const dataDir = yield* home(games)
      yield* Effect.promise(() => fs.chmod(dataDir, 0o500))
      const { error, message } = refusal((yield* store(dataDir, yield* as(games))).outcome)
      assert.strictEqual(error, "DataFolderUnusable")
      assert.match(message, /^The data folder .* cannot be written .* GSTORE_DATA_DIR to another folder\.$/)
    }))
})

describe("a store where user namespaces are refused", () => {
  beforeEach((ctx) => ctx.skip(lacksChroot !== undefined, lacksChroot))

  it.live("runs as root, in a folder that only root can enter, and goes on where they are not", () =>
    Effect.gen(function*() {
      const dataDir = path.join(yield* home({ uid: 0, gid: 0 }), "data")
      const refused = { through: withoutNamespaces }
      const first = yield* store(dataDir, refused)
      yield* remember((yield* up(first.outcome)).url)
      assert.notStrictEqual((yield* Effect.promise(() => fs.stat(clusterFiles(dataDir).cluster))).uid, 0)
      yield* killNode(first.child)
      const second = yield* up((yield* store(dataDir, {})).outcome)
      assert.strictEqual(yield* remembered(second.url), 1)
    }))

  it.live("takes over what root began where they were not", () =>
    Effect.gen(function*() {
      const dataDir = path.join(yield* home({ uid: 0, gid: 0 }), "data")
      const first = yield* store(dataDir)
      yield* remember((yield* up(first.outcome)).url)
      yield* killNode(first.child)
      const second = yield* up((yield* store(dataDir, { through: withoutNamespaces })).outcome)
      assert.strictEqual(yield* remembered(second.url), 1)
    }))
})

describe("a disk", () => {
  beforeEach((ctx) => ctx.skip(lacksChroot !== undefined, lacksChroot))

  /** The store sees a small disk at /mnt. What crashes there leaves nothing in the memory that all processes share. */
  const onDisk = (options: string, then = ""): Launch => ({
    through: [
      "unshare",
      "--mount",
      "--ipc",
      "sh",
      "-c",
      `mount -t tmpfs none /dev/shm &&
      mount -t tmpfs -o ${options} none /mnt && ${then} exec "$@"`,
      "sh"
    ]
  })

  it.live("that is too small for a database is called full", () =>
    Effect.gen(function*() {
      const { message, problem } = refusal((yield* store("/mnt/data", onDisk("size=20m"))).outcome)
      assert.strictEqual(problem, "DiskFull")
      assert.match(message, /is full: free some space there, or set GSTORE_DATA_DIR to another folder/)
    }))

  it.live("that is full already is called full", () =>
    Effect.gen(function*() {
      const full = onDisk("size=1m", "{ head -c 2m /dev/zero > /mnt/filler 2>/dev/null || true; } &&")
      const { error, message } = refusal((yield* store("/mnt/data", full)).outcome)
      assert.strictEqual(error, "DataFolderUnusable")
      assert.include(message, "is on a full disk")
    }))
})
