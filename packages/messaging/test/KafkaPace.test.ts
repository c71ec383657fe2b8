import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Latch, Scope } from "effect"
import { TestClock } from "effect/testing"
import { makePace } from "../src/kafka/Pace.ts"
import { soon } from "./fixtures/relay.ts"

/** A member that fetches as often as it may, and how often it did. */
const fetching = Effect.fnUntraced(function*(free: Latch.Latch) {
  const pace = yield* makePace(free.await)
  let fetches = 0
  const fetch = (): void => {
    fetches++
    // Two partitions had messages.
    void Promise.all([pace(), pace()]).then(() => fetches < 100 ? fetch() : undefined)
  }
  return { start: fetch, fetches: () => fetches }
})

describe("the pace of fetches", () => {
  it.effect("does not hold up a member that has handled what it read", () =>
    Effect.gen(function*() {
      const { fetches, start } = yield* fetching(Latch.makeUnsafe(true))
      start()
      yield* soon(() => fetches() === 100)
    }))

  it.effect("waits for handlers, and goes on when they are through", () =>
    Effect.gen(function*() {
      const free = Latch.makeUnsafe(false)
      const { fetches, start } = yield* fetching(free)
      start()
      yield* TestClock.adjust("15 millis")
      assert.strictEqual(fetches(), 1)
      free.openUnsafe()
      yield* soon(() => fetches() === 100)
    }))

  it.effect("waits for no slow handler", () =>
    Effect.gen(function*() {
      const { fetches, start } = yield* fetching(Latch.makeUnsafe(false))
      start()
      for (let nth = 1; nth < 10; nth++) {
        assert.strictEqual(fetches(), nth)
        yield* TestClock.adjust("20 millis")
        yield* soon(() => fetches() > nth)
      }
    }))

  it.effect("ends with its scope", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const pace = yield* makePace(Effect.never).pipe(Scope.provide(scope))
      const pausing = pace()
      yield* Scope.close(scope, Exit.void)
      yield* Effect.promise(() => pausing)
      yield* Effect.promise(pace)
    }))
})
