import { Clock, Console, Effect, Option, Random } from "effect"
import { Command, Flag } from "effect/cli"
import { NotKept } from "../chaos/NotKept.ts"
import { count, flags, runCommand, seeded } from "../command.ts"
import { demoFigures } from "./DemoFigures.ts"
import { embeddedStore } from "./EmbeddedStore.ts"
import { postmaster } from "./StoreProcess.ts"

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
  const embedded = yield* embeddedStore("kills")
  const journal = Option.getOrElse(options.journal, () => embedded.journal)
  const started = Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const store = yield* embedded.start
    return { store, took: (yield* Clock.currentTimeMillis) - began }
  })

  yield* Console.log(`seed ${options.seed}, data in ${embedded.dataDir}`)
  let { store } = yield* started
  // Enough load for every kill to strike it: the demo ends by itself once all its orders are acknowledged.
  const orders = Math.round(options.rate * options.kills * 5)
  const load = ["--orders", String(orders), "--rate", String(options.rate)]
  const demo = yield* embedded.gstore("demo", ...load, "--patience", "120", "--journal", journal)
  const recoveries: Array<number> = []
  let withServer = 0
  for (let nth = 1; nth <= options.kills; nth++) {
    yield* Effect.sleep(yield* Random.nextIntBetween(300, 3_500))
    // Alternating, so that exactly half of the kills take the database along.
    const both = nth % 2 === 0
    const server = both ? yield* postmaster(embedded.dataDir) : undefined
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
  yield* Console.log(demoFigures(yield* demo.output).join("\n"))
  const audit = yield* embedded.gstore("audit", "--journal", journal)
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
  kills: count("kills", "SIGKILLs of the store, every other one together with its PostgreSQL", 20),
  rate: flags.rate(40),
  seed: flags.seed,
  journal: Flag.String("journal").pipe(
    Flag.withDescription("A file that stays, for what was acknowledged"),
    Flag.optional
  )
}, seeded(program))

runCommand(kills)
