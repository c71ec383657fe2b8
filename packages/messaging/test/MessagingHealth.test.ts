import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MessagingHealth } from "../src/MessagingHealth.ts"

describe("messaging health", () => {
  it.effect("keeps one reason a component until it is taken back", () =>
    Effect.gen(function*() {
      const health = yield* MessagingHealth
      yield* health.report("relay", "no broker")
      yield* health.report("consumer", "no database")
      yield* health.report("relay", "no topic")
      assert.deepStrictEqual(yield* health.reasons, ["relay: no topic", "consumer: no database"])
      yield* health.report("relay", undefined)
      yield* health.report("nobody", undefined)
      assert.deepStrictEqual(yield* health.reasons, ["consumer: no database"])
    }).pipe(Effect.provide(MessagingHealth.layer)))

  it.effect("waits for every expected consumer to have joined once, in whichever order it hears of them", () =>
    Effect.gen(function*() {
      const health = yield* MessagingHealth
      assert.isTrue(yield* health.allJoined)
      yield* health.expect("one")
      yield* health.joined("two")
      yield* health.expect("two")
      assert.isFalse(yield* health.allJoined)
      yield* health.joined("one")
      yield* health.joined("one")
      assert.isTrue(yield* health.allJoined)
    }).pipe(Effect.provide(MessagingHealth.layer)))
})
