import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit } from "effect"
import { Network } from "../src/engine/Network.ts"
import { Process } from "../src/engine/Process.ts"
import { World } from "../src/engine/World.ts"

const makeWorld = (preemption = 0) => {
  const world = new World({ seed: 1, preemption })
  const network = new Network(world, { latency: 8, faults: [], crash: (process) => process.kill() })
  return { world, network }
}

// What the crash rests on in Effect's runtime. When an upgrade turns one of these red, no result of the simulation counts.
describe("a killed process", () => {
  it("runs no finalizer, not even when it is interrupted afterwards", () => {
    const { world } = makeWorld()
    const process = new Process(world, "p", 1)
    const ran: Array<string> = []
    const say = (text: string) => Effect.sync(() => void ran.push(text))
    const interrupt = process.run(
      say("began").pipe(
        Effect.andThen(Effect.uninterruptible(Effect.andThen(Effect.sleep(100), say("tail")))),
        Effect.ensuring(say("ensuring")),
        Effect.onInterrupt(() => say("onInterrupt")),
        Effect.onExit(() => say("onExit")),
        Effect.andThen(Effect.addFinalizer(() => say("finalizer"))),
        Effect.scoped
      ),
      () => void ran.push("exit")
    )
    world.after(50, world.ground, () => {
      process.kill()
      interrupt()
    })
    assert.strictEqual(world.run(() => false, 10_000), "idle")
    assert.deepStrictEqual(ran, ["began"])
  })

  it("hears nothing through a Deferred that a living process completes", () => {
    const { world } = makeWorld()
    const [dead, living] = [new Process(world, "dead", 1), new Process(world, "living", 1)]
    const ran: Array<string> = []
    const shared = Deferred.makeUnsafe<void>()
    dead.run(Effect.andThen(Deferred.await(shared), Effect.sync(() => void ran.push("woken"))), () => {})
    world.after(10, world.ground, () => dead.kill())
    living.run(Effect.andThen(Effect.sleep(20), Deferred.succeed(shared, undefined)), () => void ran.push("told"))
    world.run(() => false, 10_000)
    assert.deepStrictEqual(ran, ["told"])
  })

  it("reaches no server once it is dead, though its last operation goes on", () => {
    const { network, world } = makeWorld()
    const process = new Process(world, "p", 1)
    let arrived = 0
    const request = network.request<void, never>(process, {
      server: "server",
      label: "write",
      apply: (reply) => {
        arrived++
        reply(Exit.void)
      }
    })
    process.run(
      Effect.sync(() => process.kill()).pipe(
        Effect.map(() => 1),
        Effect.andThen(request),
        Effect.andThen(request)
      ),
      () => {}
    )
    world.run(() => false, 10_000)
    assert.strictEqual(arrived, 0)
  })
})

describe("the world", () => {
  it("calls a fiber that waits for a promise idle, and one that never waits a livelock", () => {
    const waiting = makeWorld().world
    new Process(waiting, "p", 1).run(Effect.promise(() => Promise.resolve()), () => {})
    assert.strictEqual(waiting.run(() => false, 10_000), "idle")
    const busy = makeWorld().world
    new Process(busy, "p", 1).run(Effect.forever(Effect.yieldNow), () => {})
    assert.strictEqual(busy.run(() => false, 10_000), "livelock")
  })

  it("interleaves fibers between plain operations when it preempts", () => {
    const lostUpdate = (preemption: number) => (seed: number) => {
      const world = new World({ seed, preemption })
      let value = 0
      const increment = Effect.sync(() => value).pipe(Effect.flatMap((read) => Effect.sync(() => (value = read + 1))))
      new Process(world, "p", 1).run(Effect.forEach([1, 2, 3], () => increment, { concurrency: "unbounded" }), () => {})
      world.run(() => false, 10_000)
      return value < 3
    }
    const seeds = Array.from({ length: 100 }, (_, seed) => seed)
    assert.isEmpty(seeds.filter(lostUpdate(0)))
    assert.isNotEmpty(seeds.filter(lostUpdate(0.3)))
  })
})
