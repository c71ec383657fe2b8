import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Idempotency } from "../src/Idempotency.ts"
import { InboxStore } from "../src/InboxStore.ts"
import { PurgeMemory } from "../src/memory/PurgeMemory.ts"
import { Purge } from "../src/Purge.ts"
import { retention } from "../src/Retention.ts"
import { mark } from "./fixtures/inboxStoreContract.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

const Stores = PurgeMemory.pipe(Layer.provideMerge(StoresMemory))

describe("Retention", () => {
  it.effect("purges by age, in small batches, round after round", () =>
    Effect.gen(function*() {
      const inbox = yield* InboxStore
      const idempotency = yield* Idempotency
      const use = { scope: "s", key: "k", hash: "h" }
      yield* mark(inbox, "a", Array.from({ length: 25 }, (_, n) => String(n)))
      yield* idempotency.once(use, Effect.succeed(1))
      yield* Layer.build(retention(["inbox", "idempotency"], { limit: 10 }))
      yield* TestClock.adjust("7 days")
      yield* mark(inbox, "a", ["young"])
      assert.strictEqual((yield* mark(inbox, "a", ["0"])).size, 0)
      assert.deepStrictEqual(yield* idempotency.once(use, Effect.succeed(2)), { answer: 2, replayed: false })
      yield* TestClock.adjust("25 hours")
      assert.strictEqual((yield* mark(inbox, "a", ["0", "24", "young"])).size, 2)
    }).pipe(Effect.scoped, Effect.provide(Stores)))

  it.effect("says how many rows it deleted", () =>
    Effect.gen(function*() {
      const purge = yield* Purge
      const inbox = yield* InboxStore
      yield* mark(inbox, "a", ["1", "2", "3"])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* purge.batch("inbox", Duration.hours(2), 10), 0)
      assert.strictEqual(yield* purge.batch("inbox", Duration.minutes(59), 2), 2)
      assert.strictEqual(yield* purge.batch("inbox", Duration.minutes(59), 2), 1)
    }).pipe(Effect.provide(Stores)))
})
