import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { launch, supervised, terminal, WorkerGaveUp } from "../src/Supervisor.ts"

/** A worker that notes when it was started, and what it then does. */
const worker = (starts: Array<number>, then: (nth: number) => Effect.Effect<unknown, string>) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    starts.push(now)
    return then(starts.length)
  })
const gaps = (starts: ReadonlyArray<number>) => starts.slice(1).map((at, nth) => at - (starts[nth] ?? 0))

describe("a supervisor", () => {
  it.effect("starts a worker again when it fails, dies, is cut off from inside, or just ends", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      const ways = [Effect.fail("no"), Effect.die(new Error("bug")), Effect.interrupt, Effect.void]
      yield* Effect.forkChild(supervised("test", worker(starts, (nth) => ways[nth - 1] ?? Effect.never)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(starts.length, 5)
    }))

  it.effect("waits longer and longer, up to half a minute, by chance between half of that and all", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      yield* Effect.forkChild(supervised("test", worker(starts, () => Effect.fail("no"))))
      yield* TestClock.adjust("5 minutes")
      const mostOf = (nth: number) => Math.min(30_000, 200 * 2 ** nth)
      assert.isTrue(gaps(starts).some((gap, nth) => gap < 0.9 * mostOf(nth)))
      gaps(starts).forEach((gap, nth) => {
        const most = mostOf(nth)
        assert.isTrue(gap >= most / 2 - 1 && gap <= most, `${gap} ms after crash ${nth + 1}`)
      })
      assert.isTrue(starts.length > 15)
    }))

  it.effect("begins anew with short waits after a healthy minute", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      const failing = worker(starts, (nth) =>
        Effect.andThen(nth === 10 ? Effect.sleep("1 minute") : Effect.void, Effect.fail("no")))
      yield* Effect.forkChild(supervised("test", failing))
      yield* TestClock.adjust("10 minutes")
      const after = gaps(starts)[9] ?? 0
      assert.isTrue(after >= 60_000 && after <= 60_200, `${after} ms`)
    }))

  it.effect("ends with its worker when it is interrupted", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      const ended: Array<string> = []
      const fiber = yield* Effect.forkChild(
        supervised(
          "test",
          worker(starts, () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void ended.push("x"))))
        )
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(starts.length, 1)
      assert.deepStrictEqual(ended, ["x"])
    }))

  it.effect("ends the process when a terminal worker dies more than ten times in a row", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      const closed: Array<string> = []
      const bug = new Error("bug")
      const process = yield* Layer.effectDiscard(Effect.gen(function*() {
        yield* Effect.addFinalizer(() => Effect.sync(() => void closed.push("x")))
        yield* Effect.forkScoped(terminal("consumer", worker(starts, () => Effect.die(bug))))
      })).pipe(launch, Effect.forkChild)
      yield* TestClock.adjust("10 minutes")
      const exit = yield* Fiber.await(process)
      assert.deepStrictEqual(
        exit,
        Exit.fail(new WorkerGaveUp({ worker: "consumer", crashes: 11, cause: bug }))
      )
      assert.strictEqual(starts.length, 11)
      assert.deepStrictEqual(closed, ["x"])
    }))

  it.effect("never ends the process over failures that are expected, nor over those of other workers", () =>
    Effect.gen(function*() {
      const terminals: Array<number> = []
      const others: Array<number> = []
      const process = yield* Layer.effectDiscard(Effect.gen(function*() {
        yield* Effect.forkScoped(terminal("consumer", worker(terminals, () => Effect.fail("no broker"))))
        yield* Effect.forkScoped(supervised("other", worker(others, () => Effect.die(new Error("bug")))))
      })).pipe(launch, Effect.forkChild)
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(process.pollUnsafe())
      assert.isTrue(terminals.length > 50 && others.length > 50)
    }))

  it.effect("goes on where nobody listens to its giving up", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      yield* Effect.forkChild(terminal("test", worker(starts, () => Effect.die(new Error("bug")))))
      yield* TestClock.adjust("1 hour")
      assert.isTrue(starts.length > 50)
    }))

  it.effect("fails a launch whose layer cannot be built, with the layer's own error", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* Effect.exit(launch(Layer.effectDiscard(Effect.fail("no config")))),
        Exit.fail("no config")
      )
    }))
})
