import { assert, describe, it } from "@effect/vitest"
import { type Batch, EventBus } from "@g-store/messaging/EventBus.ts"
import { Effect, Exit, Stream } from "effect"
import type { Fault } from "../src/engine/Fault.ts"
import { Process } from "../src/engine/Process.ts"
import { Broker } from "../src/servers/Broker.ts"
import { simulatedBus } from "../src/servers/SimulatedBus.ts"
import { makeWorld, runIn } from "./inWorld.ts"

const wire = (key: string, n: number) => ({
  topic: "topic",
  key,
  headers: { n: String(n) },
  payload: new Uint8Array()
})
const round = (n: number) => ["a", "b", "c", "d"].map((key) => wire(key, n))

const setUp = (faults: ReadonlyArray<Fault> = []) => {
  const { network, world } = makeWorld(faults)
  const broker = new Broker(world, 2)
  const seen: Array<string> = []
  const connect = (name: string) => {
    const process = new Process(world, name, 1)
    return { process, bus: simulatedBus(network, broker, process, () => "round") }
  }
  /** A member that acknowledges what `handle` lets through. */
  const join = (name: string, handle: (batch: Batch) => Effect.Effect<unknown, unknown>) => {
    const member = connect(name)
    member.process.run(
      member.bus.subscribe({ topics: ["topic"], group: "group" }).pipe(
        Stream.runForEach((batch) => Effect.forkDetach(Effect.ignore(handle(batch)))),
        Effect.ignore
      ),
      () => {}
    )
    return member
  }
  const noting = (batch: Batch) =>
    Effect.andThen(
      Effect.sync(() => void seen.push(...batch.messages.map(({ headers, key }) => `${key}${headers["n"]}`))),
      batch.acknowledge
    )
  const publisher = connect("test")
  const publish = (count: number) =>
    Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) => publisher.bus.publish(round(n)), {
      discard: true
    }).pipe(Effect.provideService(EventBus, publisher.bus))
  const firsts = (key: string) => [...new Set(seen.filter((name) => name.startsWith(key)))].join()
  return { world, network, broker, join, noting, publish, publisher, seen, firsts }
}
const wanted = (key: string, count: number) => Array.from({ length: count }, (_, n) => `${key}${n}`).join()

describe("the simulated bus", () => {
  it("gives each message once and in order while nothing goes wrong", () => {
    const { firsts, join, noting, publish, publisher, seen, world } = setUp()
    join("one", noting)
    join("two", noting)
    runIn(world, Effect.andThen(Effect.delay(publish(10), 500), Effect.sleep(2_000)), publisher.process)
    assert.strictEqual(firsts("a"), wanted("a", 10))
    assert.strictEqual(seen.length, 40)
  })

  it("gives again what a dead member had not acknowledged, once its session has run out", () => {
    const { firsts, join, noting, publish, publisher, world } = setUp()
    const dead = join("dead", () => Effect.never)
    const work = Effect.gen(function*() {
      yield* Effect.sleep(100)
      yield* publish(3)
      yield* Effect.sleep(100)
      dead.process.kill()
      join("heir", noting)
      yield* Effect.sleep(10_000)
    })
    runIn(world, work, publisher.process)
    for (const key of ["a", "b", "c", "d"]) assert.strictEqual(firsts(key), wanted(key, 3))
  })

  it("refuses the acknowledgement of a generation that has passed", () => {
    const { broker, join, publish, publisher, world } = setUp()
    const held: Array<Batch> = []
    join("one", (batch) => Effect.sync(() => void held.push(batch)))
    const exit = runIn(
      world,
      Effect.gen(function*() {
        yield* Effect.delay(publish(1), 100)
        yield* Effect.sleep(100)
        const stale = [...held]
        for (const group of broker.groups.values()) broker.rebalance(group, 1)
        yield* Effect.sleep(100)
        assert.isAbove(held.length, stale.length)
        return yield* Effect.exit(stale[0]?.acknowledge ?? Effect.void)
      }),
      publisher.process
    )
    assert.isTrue(Exit.isFailure(exit))
  })

  it("refuses it at the broker too, whatever the client believes", () => {
    const { broker, publisher } = setUp()
    const member = broker.join("group", ["topic"], publisher.process)
    const [log] = broker.topic("topic")
    assert.isDefined(log)
    if (log === undefined) return
    const { generation } = member.group
    assert.isTrue(broker.acknowledge(member, generation, log, 1))
    broker.rebalance(member.group)
    assert.isFalse(broker.acknowledge(member, generation, log, 2))
    assert.strictEqual(member.group.committed.get(log), 1)
  })

  it("loses and reorders nothing through lost answers, doubled publishes, pauses and rebalances", () => {
    const { broker, firsts, join, network, noting, publish, publisher, world } = setUp([
      { _tag: "LostReply", process: "one", request: "bus fetch group", nth: 4 },
      { _tag: "LostReply", process: "one", request: "bus ack group topic/0", nth: 2 },
      { _tag: "LostRequest", process: "two", request: "bus ack group topic/1", nth: 1 },
      { _tag: "Duplicate", process: "test", request: "bus publish round", nth: 3 }
    ])
    const one = join("one", noting)
    join("two", noting)
    world.after(400, world.ground, () => {
      one.process.pausedUntil = world.now + 4_000
      broker.silent(one.process, 4_000)
    })
    world.after(5_000, world.ground, () => network.cut("two", "bus", 4_000))
    world.after(2_000, world.ground, () => broker.groups.forEach((group) => broker.rebalance(group, 1)))
    runIn(world, Effect.andThen(Effect.delay(publish(20), 300), Effect.sleep(20_000)), publisher.process)
    for (const key of ["a", "b", "c", "d"]) assert.strictEqual(firsts(key), wanted(key, 20))
  })
})
