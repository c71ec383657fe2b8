import { Effect } from "effect"
import { Network } from "../src/engine/Network.ts"
import { Process } from "../src/engine/Process.ts"
import { World } from "../src/engine/World.ts"

/**
 * A world that moves beside the ordinary runtime, a virtual millisecond a turn of the event loop, so that suites written
 * for real fibers can use what lives in it. Not repeatable: which fiber goes when is not the world's choice here.
 */
export const liveWorld = Effect.gen(function*() {
  const world = new World({ seed: 1, preemption: 0 })
  const network = new Network(world, { latency: 4, faults: [], crash: (process) => process.kill() })
  const pass = Effect.sync(() => {
    let passed = false
    world.steps = 0
    world.after(1, world.ground, () => {
      passed = true
    })
    world.run(() => passed, 10)
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(pass, Effect.yieldNow)))
  return { world, network, process: new Process(world, "test", 1) }
})
