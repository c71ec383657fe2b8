import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { makeTokenBuckets, retryAfterSeconds } from "../src/TokenBuckets.ts"
import { as, inMemory } from "./asking.ts"
import { thingsRoutes } from "./things.ts"

describe("RATE_LIMIT", () => {
  it.effect("answers 429 with Retry-After above the burst of a caller, and nothing to other callers", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes({ env: { RATE_LIMIT: "1,3" } }))
      const get = (name: string) => ask("GET", "/v1/things", { headers: as(name) })
      const statuses = yield* Effect.map(
        Effect.replicateEffect(get("alice"), 4),
        (all) => all.map(({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [200, 200, 200, 429])
      const refused = yield* get("alice")
      assert.strictEqual(refused.body["type"], "urn:g-store:too-many-requests")
      assert.strictEqual(refused.headers.get("retry-after"), "1")
      assert.strictEqual(refused.body["retryAfter"], 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* get("alice")).status, 200)
      assert.strictEqual((yield* get("bob")).status, 200)
      assert.strictEqual((yield* get("staff")).status, 200)
    }))

  it.effect("counts callers, not requests without one", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes({ env: { RATE_LIMIT: "1,1" } }))
      yield* Effect.replicateEffect(ask("GET", "/v1/things"), 5)
      assert.strictEqual((yield* ask("GET", "/v1/things", { headers: as("alice") })).status, 200)
    }))

  it.effect("off bounds nothing", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes({ env: { RATE_LIMIT: "off" } }))
      const all = yield* Effect.replicateEffect(ask("GET", "/v1/things", { headers: as("alice") }), 300)
      assert.isTrue(all.every(({ status }) => status === 200))
    }))
})

describe("Token buckets", () => {
  const rate = { perSecond: 10, burst: 20 }

  it.effect("give the burst at once, then the rate, and never more than the burst after a pause", () =>
    Effect.gen(function*() {
      const { take } = makeTokenBuckets(rate)
      const taken = (n: number) =>
        Effect.map(Effect.replicateEffect(take("a"), n), (waits) => waits.filter((wait) => wait === 0).length)
      assert.strictEqual(yield* taken(30), 20)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* taken(30), 10)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* taken(30), 20)
    }))

  it.effect("say how long to wait, and that is long enough", () =>
    Effect.gen(function*() {
      const { take, wait } = makeTokenBuckets({ perSecond: 3, burst: 1 })
      assert.strictEqual(yield* take("a"), 0)
      const millis = yield* wait("a")
      assert.strictEqual(millis, 334)
      assert.strictEqual(yield* take("a"), millis)
      yield* TestClock.adjust(millis)
      assert.strictEqual(yield* wait("a"), 0)
      assert.strictEqual(yield* take("a"), 0)
      assert.strictEqual(retryAfterSeconds(1), 1)
      assert.strictEqual(retryAfterSeconds(1001), 2)
    }))

  it.effect("lose nothing when the clock is set back", () =>
    Effect.gen(function*() {
      const { take } = makeTokenBuckets(rate)
      yield* TestClock.setTime(10_000)
      yield* Effect.replicateEffect(take("a"), 10)
      yield* TestClock.setTime(0)
      assert.strictEqual(yield* take("a"), 0)
    }))

  it.effect("keep their counts while tens of thousands of other callers come and go", () =>
    Effect.gen(function*() {
      const { take } = makeTokenBuckets(rate)
      yield* Effect.replicateEffect(take("a"), 20)
      for (let n = 0; n < 25_000; n++) yield* take(`caller ${n}`)
      assert.isAbove(yield* take("a"), 0)
    }))
})
