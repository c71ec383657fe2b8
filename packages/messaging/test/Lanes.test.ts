import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Fiber, Option, Result, Semaphore } from "effect"
import * as Scheduler from "effect/Scheduler"
import type { Entry } from "../src/inbox/Entry.ts"
import { makeLanes } from "../src/inbox/Lanes.ts"
import { lanesContract } from "./fixtures/lanesContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("Batches of several partitions, in memory,", () => lanesContract(StoresMemory))

const entry = (messageId: string): Entry<string> => ({
  messageId,
  key: null,
  message: { topic: "counts", partition: 0, offset: 0n, key: null, headers: {}, payload: null },
  content: Result.fail("not read")
})

const eventLoopTurn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Two batches wait for one lane; the first gives way to others after so many steps, and is gone after so many turns. */
const leaving = Effect.fnUntraced(function*(steps: number, turns: number) {
  const permits = yield* Semaphore.make(1)
  const lanes = makeLanes<string, never, never>({ permits, most: 100, together: () => Effect.void })
  yield* permits.take(1)
  const first = yield* Effect.forkChild(
    Effect.provideService(lanes.shared([entry("one")], Effect.void), Scheduler.MaxOpsBeforeYield, steps)
  )
  yield* Effect.repeat(eventLoopTurn, { times: 50 })
  const second = yield* Effect.forkChild(lanes.shared([entry("two")], Effect.void))
  yield* Effect.repeat(eventLoopTurn, { times: 50 })
  yield* permits.release(1)
  for (let turn = 0; turn < turns; turn++) yield* eventLoopTurn
  first.interruptUnsafe()
  return Option.isSome(yield* Effect.timeoutOption(Fiber.await(second), "1 second"))
})

describe("Lanes", () => {
  it.live("leave nobody waiting when whoever took them along is interrupted, at whatever moment", () =>
    Effect.gen(function*() {
      for (const steps of Arr.range(3, 8)) {
        for (const turns of Arr.range(0, 30)) {
          assert.isTrue(yield* leaving(steps, turns), `after ${turns} turns of ${steps} steps`)
        }
      }
    }))
})
