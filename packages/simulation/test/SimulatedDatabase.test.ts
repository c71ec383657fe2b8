import { assert, describe, it } from "@effect/vitest"
import type { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { LockTimeout } from "@g-store/messaging/memory/MemoryLocks.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Clock, Effect, Exit, Fiber, Result } from "effect"
import type { Fault } from "../src/engine/Fault.ts"
import { Process } from "../src/engine/Process.ts"
import { DatabaseServer } from "../src/servers/DatabaseServer.ts"
import { simulatedDatabase } from "../src/servers/SimulatedDatabase.ts"
import { makeWorld, runIn } from "./inWorld.ts"

interface Item {
  readonly key: string
}

type Database = MemoryDatabase["Service"]

const put = (database: Database, key: string) =>
  database.statement(`put ${key}`, [`item/${key}`], (rows) => rows.put("item", key, { key }))
const keys = (database: Database) =>
  database.statement("keys", [], (rows) => rows.scan<Item>("item").map(({ key }) => key).join())

const setUp = (faults: ReadonlyArray<Fault> = []) => {
  const { network, world } = makeWorld(faults)
  const server = new DatabaseServer(world, "db")
  const connect = (name: string) => {
    const process = new Process(world, name, 1)
    return { process, database: simulatedDatabase(network, server, process, (label) => label) }
  }
  return { world, server, network, ...connect("test"), other: connect("other") }
}
const stored = (server: DatabaseServer) => [...server.table("item").keys()].join()

describe("the simulated database", () => {
  it("reads its own writes, shows them to nobody before the commit, and forgets them after a failure", () => {
    const { database, other, process, server, world } = setUp()
    runIn(
      world,
      Effect.gen(function*() {
        yield* database.transaction(Effect.gen(function*() {
          yield* put(database, "a")
          assert.strictEqual(yield* keys(database), "a")
          assert.strictEqual(stored(server), "")
          yield* database.transaction(put(database, "b"))
        }))
        assert.strictEqual(yield* keys(other.database), "a,b")
        yield* Effect.ignore(database.transaction(Effect.andThen(put(database, "c"), Effect.fail("no"))))
      }),
      process
    )
    assert.strictEqual(stored(server), "a,b")
  })

  it("makes a transaction wait for the rows of another, and gives up after five seconds", () => {
    const { database, other, process, world } = setUp()
    const hold = (millis: number) => database.transaction(Effect.andThen(put(database, "a"), Effect.sleep(millis)))
    runIn(
      world,
      Effect.gen(function*() {
        const short = yield* Effect.forkChild(hold(1_000))
        yield* Effect.sleep(100)
        yield* put(other.database, "a")
        assert.isAtLeast((yield* Clock.currentTimeMillis) - world.start, 1_000)
        yield* Fiber.join(short)
        yield* Effect.forkChild(hold(20_000))
        yield* Effect.sleep(100)
        const refused = yield* Effect.flip(put(other.database, "a"))
        assert.instanceOf(refused, DatabaseUnavailable)
        assert.instanceOf(refused.cause, LockTimeout)
      }),
      process
    )
  })

  it("ends one of two transactions that wait for each other, at once", () => {
    const { database, other, process, world } = setUp()
    const both = (client: Database, first: string, second: string) =>
      client.transaction(Effect.andThen(Effect.delay(put(client, first), 1), Effect.delay(put(client, second), 200)))
    const exits = runIn(
      world,
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Effect.exit(both(database, "a", "b")))
        return [yield* Effect.exit(both(other.database, "b", "a")), yield* Fiber.join(fiber)]
      }),
      process
    )
    assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
    assert.isBelow(world.elapsed, 1_000)
  })

  it("keeps what was committed though its client never learns of it, and does then what waits for no commit", () => {
    const { database, process, server, world } = setUp([
      { _tag: "LostReply", process: "test", request: "db commit put a", nth: 1 }
    ])
    let woken = 0
    const wake = database.afterCommit(Effect.sync(() => void woken++))
    const first = runIn(world, Effect.result(database.transaction(Effect.andThen(put(database, "a"), wake))), process)
    assert.isTrue(Result.isFailure(first))
    assert.strictEqual(stored(server), "a")
    assert.strictEqual(woken, 0)
    runIn(world, database.transaction(Effect.andThen(put(database, "b"), wake)), process)
    assert.strictEqual(woken, 1)
  })

  it("loses exactly what was not committed when its client dies, and lets go of its rows", () => {
    for (const applied of [false, true]) {
      const { database, other, process, server, world } = setUp([
        { _tag: "CrashAtRequest", process: "test", request: "db commit put a", nth: 1, applied, down: 1 }
      ])
      process.run(database.transaction(put(database, "a")), () => {})
      runIn(world, Effect.delay(put(other.database, "b"), 100), other.process)
      assert.isFalse(process.alive)
      assert.strictEqual(stored(server), applied ? "a,b" : "b")
      runIn(world, put(other.database, "a"), other.process)
    }
  })

  it("refuses everything while it is down, and has forgotten what was open", () => {
    const { database, network, process, server, world } = setUp()
    const exit = runIn(
      world,
      Effect.gen(function*() {
        const open = yield* Effect.forkChild(
          Effect.exit(database.transaction(Effect.andThen(put(database, "a"), Effect.sleep(3_000))))
        )
        yield* Effect.sleep(100)
        network.outage("db", 1_000)
        server.abortAll()
        assert.instanceOf(yield* Effect.flip(put(database, "b")), DatabaseUnavailable)
        return yield* Fiber.join(open)
      }),
      process
    )
    assert.isTrue(Exit.isFailure(exit))
    assert.strictEqual(stored(server), "")
  })
})
