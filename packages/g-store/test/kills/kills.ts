import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Console, Effect, Option, Random } from "effect"
import { Command, Flag } from "effect/cli"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { NotKept } from "../chaos/NotKept.ts"
import { freePort } from "../freePort.ts"
import { postmaster, run } from "./StoreProcess.ts"

/**
 * Kills the embedded store under load, at random moments, half of the time together with its PostgreSQL, and audits it
 * against the journal of everything that was acknowledged.
 */

const kill = (pid: number) =>
  Effect.try({
    try: () => void process.kill(pid, "SIGKILL"),
    catch: () => new NotKept({ reason: `no process ${pid}` })
  })

const program = Effect.fnUntraced(function*(options: {
  readonly kills: number
  readonly rate: number
  readonly seed: string
  readonly journal: Option.Option<string>
}) {
  const dataDir = yield* Effect.acquireRelease(
    Effect.promise(() => fs.mkdtemp(path.join(tmpdir(), "g-store-kills-"))),
    (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true }))
  )
  const env = {
    GSTORE_DATA_DIR: dataDir,
    GATEWAY_PORT: String(yield* freePort),
    ADMIN_PORT: String(yield* freePort),
    WEB_PORT: String(yield* freePort),
    LOG_LEVEL: "warn"
  }
  const journal = Option.getOrElse(options.journal, () => path.join(dataDir, "journal.jsonl"))
  const started = Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const store = yield* run(["start"], env)
    yield* store.printed("g-store is ready")
    return { store, took: (yield* Clock.currentTimeMillis) - began }
  })

  yield* Console.log(`seed ${options.seed}, data in ${dataDir}`)
  let { store } = yield* started
  // Enough load for every kill to strike it: the demo ends by itself once all its orders are acknowledged.
  const orders = Math.round(options.rate * options.kills * 5)
  const demo = yield* run(
    ["demo", "--orders", String(orders), "--rate", String(options.rate), "--patience", "120", "--journal", journal],
    env
  )
  const recoveries: Array<number> = []
  let withServer = 0
  for (let nth = 1; nth <= options.kills; nth++) {
    yield* Effect.sleep(yield* Random.nextIntBetween(300, 3_500))
    // Alternating, so that exactly half of the kills take the database along.
    const both = nth % 2 === 0
    const server = both ? yield* postmaster(dataDir) : undefined
    if (server !== undefined) {
      withServer++
      yield* kill(server)
    }
    yield* store.kill("SIGKILL")
    const next = yield* started
    store = next.store
    recoveries.push(next.took)
    yield* Console.log(`kill ${nth}: ${both ? "Node and PostgreSQL" : "Node alone"}, ready again after ${next.took} ms`)
  }
  const code = yield* demo.ended
  yield* Console.log(
    (yield* demo.output).split("\n").filter((line) => /^(orders|rate|POST|calls|failed)/.test(line)).join("\n")
  )
  const audit = yield* run(["audit", "--journal", journal], env)
  const verdict = yield* audit.ended
  yield* Console.log(yield* audit.output)
  yield* store.kill("SIGTERM")
  yield* Console.log(
    `${options.kills} kills (${withServer} with PostgreSQL), longest restart ${
      Math.max(...recoveries)
    } ms, audit exit ${verdict}`
  )
  if (code !== 0) return yield* new NotKept({ reason: `the demo ended with ${code}` })
  if (verdict !== 0) return yield* new NotKept({ reason: `the audit ended with ${verdict}` })
}, Effect.scoped)

const kills = Command.make("kills", {
  kills: Flag.Int("kills").pipe(Flag.withDefault(20)),
  rate: Flag.Finite("rate").pipe(Flag.withDescription("Orders a second meanwhile"), Flag.withDefault(40)),
  seed: Flag.String("seed").pipe(Flag.withDefault("1")),
  journal: Flag.String("journal").pipe(Flag.optional)
}, (options) => program(options).pipe(Random.withSeed(options.seed)))

Command.run(kills, { version: "1.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
