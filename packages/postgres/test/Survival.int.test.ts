import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { clusterFiles } from "../src/ClusterFiles.ts"
import { childrenOf, isOurs, signalAll } from "../src/ServerProcesses.ts"
import { preparedFolder, testFolder } from "../src/TestFolder.ts"
import {
  initdbIsAtWork,
  interruptGroup,
  killNode,
  type Outcome,
  query,
  remember,
  remembered,
  spawned,
  store
} from "./processes.ts"

const up = (outcome: typeof Outcome.Type) =>
  outcome._tag === "Up" ? Effect.succeed(outcome) : Effect.die(new Error(outcome.message))

/** Waits until a query is at work. */
const isBusy = (url: string) =>
  query(
    url,
    (sql) => sql`SELECT 1 FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()`
  )
    .pipe(Effect.repeat({ until: (rows) => rows.length > 0 }))

describe("a store that is killed", () => {
  it.live("leaves its server behind, and the next one stops that and has every row", () =>
    Effect.gen(function*() {
      const folder = yield* preparedFolder
      const first = yield* store(folder)
      const { pid, url } = yield* up(first.outcome)
      yield* remember(url)
      yield* killNode(first.child)
      assert.strictEqual(yield* remembered(url), 1, "the server runs on")

      const second = yield* up((yield* store(folder)).outcome)
      assert.notStrictEqual(second.pid, pid)
      assert.isFalse(yield* isOurs(clusterFiles(folder), pid))
      assert.strictEqual(yield* remembered(second.url), 1)
    }))

  it.live("together with its server has every row at the next start", () =>
    Effect.gen(function*() {
      const folder = yield* preparedFolder
      const first = yield* store(folder)
      const { url } = yield* up(first.outcome)
      yield* remember(url)
      yield* killNode(first.child)
      yield* signalAll(clusterFiles(folder), "SIGKILL")

      const second = yield* up((yield* store(folder)).outcome)
      assert.strictEqual(yield* remembered(second.url), 1)
    }))

  it.live("alone has its server's clients served on: Ctrl-C is Node's to answer", () =>
    Effect.gen(function*() {
      const { child, outcome } = yield* store(yield* preparedFolder)
      const { url } = yield* up(outcome)
      yield* remember(url)
      yield* interruptGroup(child)
      assert.strictEqual(yield* remembered(url), 1)
    }))

  it.live("with a server whose last query outlives it starts again when that has ended", () =>
    Effect.gen(function*() {
      const folder = yield* preparedFolder
      const first = yield* store(folder)
      const { pid, url } = yield* up(first.outcome)
      yield* remember(url)
      yield* query(url, (sql) =>
        Effect.gen(function*() {
          yield* sql`SELECT 1`
          // Busy and deaf for a second or two; a sleeping one would notice.
          yield* Effect.forkScoped(Effect.exit(sql`SELECT count(*) FROM generate_series(1, 10000000)`))
          yield* isBusy(url)
          yield* killNode(first.child)
          yield* Effect.sync(() => process.kill(pid, "SIGKILL"))
          const second = yield* up((yield* store(folder)).outcome)
          assert.strictEqual(yield* remembered(second.url), 1)
        }).pipe(Effect.scoped))
    }))

  it.live("in the middle of its first start begins anew", () =>
    Effect.gen(function*() {
      const folder = yield* testFolder
      const first = yield* spawned(folder)
      yield* initdbIsAtWork(folder)
      const initdb = yield* Effect.promise(() => childrenOf(first.pid ?? 0))
      assert.strictEqual(initdb.length, 1)
      yield* killNode(first)
      yield* Effect.sync(() => initdb.forEach((pid) => process.kill(pid, "SIGKILL")))
      const second = yield* up((yield* store(folder)).outcome)
      yield* remember(second.url)
    }))

  it.live("keeps no other store out, while a living one does and says so in one line", () =>
    Effect.gen(function*() {
      const folder = yield* preparedFolder
      const first = yield* store(folder)
      yield* up(first.outcome)
      const refused = (yield* store(folder)).outcome
      assert.isTrue(refused._tag === "Refused" && refused.error === "DataFolderInUse")
      const message = refused._tag === "Refused" ? refused.message : ""
      assert.include(message, `process ${first.child.pid}`)
      assert.include(message, "GSTORE_DATA_DIR")
      assert.notInclude(message, "\n")

      yield* killNode(first.child)
      yield* up((yield* store(folder)).outcome)
    }))
})
