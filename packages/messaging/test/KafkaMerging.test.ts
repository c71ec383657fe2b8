import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { BusUnavailable } from "../src/EventBus.ts"
import { makeMerging } from "../src/kafka/Merging.ts"
import type { WireMessage } from "../src/Message.ts"
import { bodyOf, wire } from "./fixtures/BusMember.ts"
import { soon } from "./fixtures/relay.ts"

type Answer = Effect.Effect<void, BusUnavailable>

const refused = Effect.fail(new BusUnavailable({ operation: "publish", cause: new Error("refused") }))
const one = (body: string): ReadonlyArray<WireMessage> => [wire("t", "key", body)]
const sized = (body: string, kilobytes: number): ReadonlyArray<WireMessage> => [
  { ...wire("t", "key", body), headers: { filler: "x".repeat(kilobytes * 1024) } }
]

/** Callers that share requests whose answers the test gives; a request without one stays under way. */
const setting = Effect.fnUntraced(function*(answer: (bodies: ReadonlyArray<string>) => Answer) {
  const requests: Array<string> = []
  let ready: Answer = Effect.void
  const publish = yield* makeMerging({
    ready: Effect.suspend(() => ready),
    send: (messages) => {
      const bodies = messages.map(bodyOf)
      requests.push(bodies.join(" "))
      return answer(bodies)
    }
  })
  return {
    requests,
    readyWhen: (effect: Answer): void => {
      ready = effect
    },
    publish: (messages: ReadonlyArray<WireMessage>, alone = false) =>
      Effect.forkChild(Effect.exit(publish(messages, alone)), { startImmediately: true })
  }
})
const succeeded = (fiber: Fiber.Fiber<Exit.Exit<void, BusUnavailable>>) => Effect.map(Fiber.join(fiber), Exit.isSuccess)

describe("merged publishes", () => {
  it.effect("sends at once, with whoever publishes in the same turn", () =>
    Effect.gen(function*() {
      const { publish, requests } = yield* setting(() => Effect.void)
      // Until it waits for the first.
      yield* TestClock.adjust("1 minute")
      const both = [yield* publish(one("a")), yield* publish(one("b"))]
      assert.deepStrictEqual(yield* Effect.forEach(both, succeeded), [true, true])
      assert.deepStrictEqual(requests, ["a b"])
    }))

  it.effect("sends what comes while a request is under way in one request after it, in order", () =>
    Effect.gen(function*() {
      const answered = yield* Deferred.make<void>()
      const { publish, requests } = yield* setting(() => Deferred.await(answered))
      yield* publish(one("a"))
      yield* soon(() => requests.length === 1)
      const later = [yield* publish([...one("b1"), ...one("b2")]), yield* publish(one("c"))]
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(requests, ["a"])
      yield* Deferred.succeed(answered, undefined)
      assert.deepStrictEqual(yield* Effect.forEach(later, succeeded), [true, true])
      assert.deepStrictEqual(requests, ["a", "b1 b2 c"])
    }))

  it.effect("is done only when its own request is", () =>
    Effect.gen(function*() {
      const answers = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      let nth = 0
      const { publish, requests } = yield* setting(() => Deferred.await(answers[nth++]!))
      const first = yield* publish(one("a"))
      yield* soon(() => requests.length === 1)
      const second = yield* publish(one("b"))
      yield* Deferred.succeed(answers[0]!, undefined)
      assert.isTrue(yield* succeeded(first))
      yield* soon(() => requests.length === 2)
      assert.isUndefined(second.pollUnsafe())
      yield* Deferred.succeed(answers[1]!, undefined)
      assert.isTrue(yield* succeeded(second))
    }))

  it.effect("puts no more together than a broker takes, and never divides what one caller sends", () =>
    Effect.gen(function*() {
      const { publish, requests } = yield* setting(() => Effect.void)
      const sizes = [200, 200, 200, 700, 100]
      const fibers = yield* Effect.forEach(sizes, (size) => publish(sized(String(size), size)))
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(requests, ["200 200", "200", "700", "100"])
    }))

  it.effect("never sends what was interrupted before it went", () =>
    Effect.gen(function*() {
      const answered = yield* Deferred.make<void>()
      const { publish, requests } = yield* setting(() => Deferred.await(answered))
      yield* publish(one("a"))
      yield* soon(() => requests.length === 1)
      const given = yield* publish(one("b"))
      const kept = yield* publish(one("c"))
      yield* Fiber.interrupt(given)
      yield* Deferred.succeed(answered, undefined)
      yield* Fiber.join(kept)
      assert.deepStrictEqual(requests, ["a", "c"])
    }))

  it.effect("never sends again what was interrupted while its request failed", () =>
    Effect.gen(function*() {
      const failed = yield* Deferred.make<void, BusUnavailable>()
      const { publish, requests } = yield* setting((bodies) => bodies.length > 1 ? Deferred.await(failed) : Effect.void)
      const given = yield* publish(one("a"))
      const kept = yield* publish(one("b"))
      yield* soon(() => requests.length === 1)
      yield* Fiber.interrupt(given)
      yield* Deferred.completeWith(failed, refused)
      assert.isTrue(yield* succeeded(kept))
      assert.deepStrictEqual(requests, ["a b", "b"])
    }))

  it.effect("chooses what to send only when it can be sent", () =>
    Effect.gen(function*() {
      const connected = yield* Deferred.make<void>()
      const { publish, readyWhen, requests } = yield* setting(() => Effect.void)
      readyWhen(Deferred.await(connected))
      const given = yield* publish(one("a"))
      const kept = yield* publish(one("b"))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(given)
      yield* Deferred.succeed(connected, undefined)
      yield* Fiber.join(kept)
      assert.deepStrictEqual(requests, ["b"])
    }))

  it.effect("fails all who wait while nothing can be sent, and sends when it can again", () =>
    Effect.gen(function*() {
      const { publish, readyWhen, requests } = yield* setting(() => Effect.void)
      readyWhen(refused)
      const both = [yield* publish(one("a")), yield* publish(one("b"))]
      assert.deepStrictEqual(yield* Effect.forEach(both, succeeded), [false, false])
      readyWhen(Effect.void)
      assert.isTrue(yield* succeeded(yield* publish(one("c"))))
      assert.deepStrictEqual(requests, ["c"])
    }))

  it.effect("lets what the brokers refuse fail the one whose it is, and no other", () =>
    Effect.gen(function*() {
      const { publish, requests } = yield* setting((bodies) => bodies.includes("bad") ? refused : Effect.void)
      const fibers = yield* Effect.forEach(["a", "bad", "c"], (body) => publish(one(body)))
      yield* soon(() => requests.length === 1)
      // Who comes meanwhile waits, and goes with others again.
      const later = yield* Effect.forEach(["d", "e"], (body) => publish(one(body)))
      assert.deepStrictEqual(yield* Effect.forEach([...fibers, ...later], succeeded), [true, false, true, true, true])
      assert.deepStrictEqual(requests, ["a bad c", "a", "bad", "c", "d e"])
    }))

  it.effect("keeps apart who asks for it", () =>
    Effect.gen(function*() {
      const { publish, requests } = yield* setting(() => Effect.void)
      const fibers = [
        yield* publish(one("a")),
        yield* publish(one("b"), true),
        yield* publish(one("c")),
        yield* publish(one("d"))
      ]
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(requests, ["a", "b", "c d"])
    }))

  it.effect("survives a defect of the client", () =>
    Effect.gen(function*() {
      const { publish } = yield* setting((bodies) =>
        bodies.includes("bad") ? Effect.die(new Error("a bug")) : Effect.void
      )
      const both = [yield* publish(one("a")), yield* publish(one("bad"))]
      assert.deepStrictEqual(yield* Effect.forEach(both, succeeded), [true, false])
      assert.isTrue(yield* succeeded(yield* publish(one("c"))))
    }))

  it.effect("leaves nobody waiting when the bus closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { publish } = yield* setting(() => Effect.never).pipe(Scope.provide(scope))
      const before = [yield* publish(one("a")), yield* publish(one("b"))]
      yield* Scope.close(scope, Exit.void)
      const after = yield* publish(one("c"))
      assert.deepStrictEqual(yield* Effect.forEach([...before, after], succeeded), [false, false, false])
    }))
})
