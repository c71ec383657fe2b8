import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Idempotency } from "../src/Idempotency.ts"
import { idempotencyContract } from "./fixtures/idempotencyContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("Idempotency in memory", () => idempotencyContract(StoresMemory))

describe("Idempotency in memory, on a clock of its own", () => {
  it.effect("gives up on a twin that works for more than 5 seconds", () =>
    Effect.gen(function*() {
      const idempotency = yield* Idempotency
      const use = { scope: "s", key: "k", hash: "h" }
      yield* Effect.forkChild(idempotency.once(use, Effect.never))
      yield* Effect.yieldNow
      const twin = yield* Effect.forkChild(Effect.flip(idempotency.once(use, Effect.succeed(2))))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(twin))._tag, "KeyInUse")
    }).pipe(Effect.provide(StoresMemory)))
})
