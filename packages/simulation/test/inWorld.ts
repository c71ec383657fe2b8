import { type Effect, Exit } from "effect"
import type { Fault } from "../src/engine/Fault.ts"
import { Network } from "../src/engine/Network.ts"
import { Process, type Surroundings } from "../src/engine/Process.ts"
import { World } from "../src/engine/World.ts"

/** A world with a network and nothing on it. */
export const makeWorld = (faults: ReadonlyArray<Fault> = [], seed = 1) => {
  const world = new World({ seed, preemption: 0 })
  const network = new Network(world, { latency: 4, faults, crash: (process) => process.kill() })
  return { world, network }
}

/** Runs the effect as a process of its own until nothing is left to do or a minute has passed, and gives what came of it. */
export const runIn = <A, E>(
  world: World,
  effect: Effect.Effect<A, E, Surroundings>,
  process = new Process(world, "test", 1)
): A => {
  let result: Exit.Exit<A, E> | undefined
  process.run(effect, (exit) => {
    result = exit
  })
  world.run(() => result !== undefined, 60_000)
  if (result === undefined) throw new Error("it did not come to an end")
  if (Exit.isFailure(result)) throw new Error(String(result.cause))
  return result.value
}
