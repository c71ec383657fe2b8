import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Queue, Scope } from "effect"
import { groupCommit } from "../src/adapters/GroupCommit.ts"

class Refused {
  readonly _tag = "Refused"
}

/** A group commit whose batches end when the test says so. */
const started = (options: { readonly lanes?: number; readonly maxBatch?: number; readonly maxWaiting?: number } = {}) =>
  Effect.gen(function*() {
    const batches = yield* Queue.unbounded<{
      readonly requests: ReadonlyArray<number>
      readonly finish: (with_?: (request: number) => Exit.Exit<string, Refused>) => Effect.Effect<void>
      readonly crash: Effect.Effect<void>
    }>()
    const submit = yield* groupCommit<number, string, Refused>({
      lanes: options.lanes ?? 2,
      maxBatch: options.maxBatch ?? 10,
      maxWaiting: options.maxWaiting ?? 100,
      commit: (requests) =>
        Effect.gen(function*() {
          const ended = yield* Deferred.make<ReadonlyArray<Exit.Exit<string, Refused>>>()
          yield* Queue.offer(batches, {
            requests,
            finish: (outcome = (request) => Exit.succeed(`done ${request}`)) =>
              Effect.asVoid(Deferred.succeed(ended, requests.map(outcome))),
            crash: Effect.asVoid(Deferred.die(ended, new Error("the lane broke")))
          })
          return yield* Deferred.await(ended)
        })
    })
    return { next: Queue.take(batches), submit: (n: number) => Effect.forkChild(submit(n), { startImmediately: true }) }
  })

describe("a group commit", () => {
  it.effect("takes a request at once while a lane is free, and lets those that follow share the next batch", () =>
    Effect.gen(function*() {
      const { next, submit } = yield* started()
      const first = yield* submit(1)
      const one = yield* next
      const second = yield* submit(2)
      const two = yield* next
      assert.deepStrictEqual([one.requests, two.requests], [[1], [2]])
      const rest = yield* Effect.forEach([3, 4, 5], submit)
      yield* two.finish()
      const three = yield* next
      assert.deepStrictEqual(three.requests, [3, 4, 5])
      yield* three.finish()
      yield* one.finish()
      const done = yield* Effect.forEach([first, second, ...rest], Fiber.join)
      assert.deepStrictEqual(done, [1, 2, 3, 4, 5].map((n) => `done ${n}`))
    }))

  it.effect("takes no more than a full batch", () =>
    Effect.gen(function*() {
      const { next, submit } = yield* started({ lanes: 1, maxBatch: 3 })
      const fibers = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7], submit)
      const sizes: Array<number> = []
      for (let done = 0; done < 7;) {
        const batch = yield* next
        sizes.push(batch.requests.length)
        done += batch.requests.length
        yield* batch.finish()
      }
      assert.isAtMost(Math.max(...sizes), 3)
      yield* Effect.forEach(fibers, Fiber.join)
    }))

  it.effect("gives each request its own outcome", () =>
    Effect.gen(function*() {
      const { next, submit } = yield* started({ lanes: 1 })
      const first = yield* submit(1)
      const one = yield* next
      const fibers = yield* Effect.forEach([2, 3, 4], submit)
      yield* one.finish()
      yield* (yield* next).finish((n) => n === 3 ? Exit.fail(new Refused()) : Exit.succeed(`done ${n}`))
      yield* Fiber.join(first)
      const outcomes = yield* Effect.forEach(fibers, Fiber.await)
      assert.deepStrictEqual(outcomes.map(Exit.isSuccess), [true, false, true])
    }))

  it.effect("refuses what is too much at once, and takes more when there is room again", () =>
    Effect.gen(function*() {
      const { next, submit } = yield* started({ lanes: 1, maxWaiting: 2 })
      const first = yield* submit(1)
      const one = yield* next
      const waiting = yield* Effect.forEach([2, 3], submit)
      const refusal = yield* Effect.flip(Fiber.join(yield* submit(4)))
      assert.deepInclude(refusal, { _tag: "Overloaded", waiting: 2 })
      yield* one.finish()
      const two = yield* next
      assert.deepStrictEqual(two.requests, [2, 3])
      const late = yield* submit(5)
      yield* two.finish()
      yield* (yield* next).finish()
      yield* Effect.forEach([first, ...waiting, late], Fiber.join)
    }))

  it.effect("forgets a request whose caller left while it waited, and serves the others", () =>
    Effect.gen(function*() {
      const { next, submit } = yield* started({ lanes: 1 })
      const first = yield* submit(1)
      const one = yield* next
      const [leaver, stayer] = [yield* submit(2), yield* submit(3)]
      yield* Fiber.interrupt(leaver)
      yield* one.finish()
      const two = yield* next
      assert.deepStrictEqual(two.requests, [3])
      yield* two.finish()
      yield* Effect.forEach([first, stayer], Fiber.join)
    }))

  it.effect("goes on with a batch that one of its callers has left", () =>
    Effect.gen(function*() {
      const { next, submit } = yield* started({ lanes: 1 })
      const first = yield* submit(1)
      const one = yield* next
      const [leaver, stayer] = [yield* submit(2), yield* submit(3)]
      yield* one.finish()
      const two = yield* next
      yield* Fiber.interrupt(leaver)
      yield* two.finish()
      assert.strictEqual(yield* Fiber.join(stayer), "done 3")
      yield* Fiber.join(first)
    }))

  it.effect("tells everybody in a batch that broke, and works on", () =>
    Effect.gen(function*() {
      const { next, submit } = yield* started({ lanes: 1 })
      const first = yield* submit(1)
      const one = yield* next
      const fibers = yield* Effect.forEach([2, 3], submit)
      yield* one.finish()
      yield* (yield* next).crash
      for (const exit of yield* Effect.forEach(fibers, Fiber.await)) {
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      }
      const after = yield* submit(4)
      yield* (yield* next).finish()
      assert.strictEqual(yield* Fiber.join(after), "done 4")
      yield* Fiber.join(first)
    }))

  it.effect("leaves nobody without an outcome when it is closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { next, submit } = yield* Scope.provide(started({ lanes: 1 }), scope)
      const running = yield* submit(1)
      yield* next
      const waiting = yield* submit(2)
      yield* Scope.close(scope, Exit.void)
      for (const exit of [yield* Fiber.await(running), yield* Fiber.await(waiting)]) {
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      }
    }))
})
