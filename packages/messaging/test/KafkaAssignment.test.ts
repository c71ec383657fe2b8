import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { EachBatchPayload, KafkaMessage } from "kafkajs"
import type { Batch, BusUnavailable } from "../src/EventBus.ts"
import { type Held, makeAssignment } from "../src/kafka/Assignment.ts"
import { soon } from "./fixtures/relay.ts"

const message = (offset: number, size = 10): KafkaMessage => ({
  key: null,
  value: Buffer.alloc(size),
  timestamp: "0",
  headers: {},
  attributes: 0,
  offset: String(offset)
})
const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, n) => from + n)

/** A member whose client is played by the test. */
const setting = (maxBatch = 100) => {
  const ready: Array<Held> = []
  const calls: Array<string> = []
  const stuck: Array<BusUnavailable> = []
  const assignment = makeAssignment({
    maxBatch,
    ready: (held) => ready.push(held),
    pause: (topic, partition) => calls.push(`pause ${topic}/${partition}`),
    resume: (topic, partition) => calls.push(`resume ${topic}/${partition}`),
    stuck: (error) => Effect.sync(() => stuck.push(error))
  })
  /** What kafkajs does after a fetch; answers where it would fetch next, or undefined when nothing was taken in. */
  const read = (
    at: ReadonlyArray<number>,
    options: { readonly partition?: number; readonly size?: number; readonly commit?: () => Promise<void> } = {}
  ): string | undefined => {
    let resolved: string | undefined
    const messages = at.map((offset) => message(offset, options.size))
    const payload: EachBatchPayload = {
      batch: {
        topic: "t",
        partition: options.partition ?? 0,
        highWatermark: "0",
        messages,
        isEmpty: () => false,
        firstOffset: () => null,
        lastOffset: () => "0",
        offsetLag: () => "0",
        offsetLagLow: () => "0"
      },
      resolveOffset: (offset) => resolved = offset,
      heartbeat: () => Promise.resolve(),
      pause: () => () => undefined,
      commitOffsetsIfNecessary: (committed) => {
        const positions = committed?.topics.flatMap(({ partitions }) => partitions) ?? []
        calls.push(
          `commit ${
            positions.map(({ offset, partition }) => positions.length === 1 ? offset : `${offset} of ${partition}`)
          }`
        )
        return options.commit?.() ?? Promise.resolve()
      },
      uncommittedOffsets: () => ({ topics: [] }),
      isRunning: () => true,
      isStale: () => false
    }
    assignment.read(payload)
    return resolved
  }
  const take = (): Batch => {
    const held = ready.shift()
    const batch = held === undefined ? undefined : assignment.take(held)
    if (batch === undefined) throw new Error("nothing is ready")
    return batch
  }
  const offsets = (batch: Batch) => batch.messages.map(({ offset }) => Number(offset))
  return { assignment, ready, calls, stuck, read, take, offsets }
}

describe("Assignment", () => {
  it.effect("reads ahead while a batch is handled, and hands out the next one after it", () =>
    Effect.gen(function*() {
      const { assignment, calls, offsets, read, ready, take } = setting(3)
      assignment.join({ t: [0] }, false)
      assert.strictEqual(read([0, 1]), "1")
      assert.strictEqual(read([2, 3, 4]), "4")
      const first = take()
      assert.deepStrictEqual(offsets(first), [0, 1, 2])
      assert.lengthOf(ready, 0)
      yield* first.acknowledge
      const second = take()
      assert.deepStrictEqual(offsets(second), [3, 4])
      yield* second.acknowledge
      assert.lengthOf(ready, 0)
      assert.deepStrictEqual(calls, ["commit 3", "commit 5"])
    }))

  it.effect("stops reading a partition whose handler is slow, and goes on when it has caught up", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, take } = setting(1)
      assignment.join({ t: [0] }, false)
      read(range(0, 3), { size: 500_000 })
      assert.deepStrictEqual(calls, ["pause t/0"])
      yield* take().acknowledge
      yield* take().acknowledge
      assert.notInclude(calls, "resume t/0")
      yield* take().acknowledge
      assert.strictEqual(calls.at(-1), "resume t/0")
    }))

  it.effect("refuses to acknowledge in another assignment than the batch's own, without asking the broker", () =>
    Effect.gen(function*() {
      const { assignment, calls, offsets, read, take } = setting()
      assignment.join({ t: [0] }, false)
      read([0, 1])
      const old = take()
      assignment.leave()
      assert.isTrue(Exit.isFailure(yield* Effect.exit(old.acknowledge)), "it was acknowledged all the same")
      assert.strictEqual((yield* Effect.flip(old.acknowledge)).operation, "acknowledge")
      assignment.join({ t: [0] }, false)
      assert.strictEqual((yield* Effect.flip(old.acknowledge)).operation, "acknowledge")
      assert.deepStrictEqual(calls, [])
      read([0, 1])
      const anew = take()
      assert.deepStrictEqual(offsets(anew), [0, 1])
      yield* anew.acknowledge
    }))

  it("hands out nothing of a former assignment that was still in line", () => {
    const { assignment, read, ready } = setting()
    assignment.join({ t: [0] }, false)
    read([0])
    const [inLine] = ready
    assignment.join({ t: [0] }, false)
    assert.isUndefined(inLine === undefined ? undefined : assignment.take(inLine))
  })

  it("leaves unread what belongs to no assignment", () => {
    const { assignment, read } = setting()
    assert.isUndefined(read([0]))
    assignment.join({ t: [1] }, false)
    assert.isUndefined(read([0]))
  })

  it("lets go of what was paused when the partition is assigned anew", () => {
    const { assignment, calls, read } = setting()
    assignment.join({ t: [0] }, false)
    read(range(0, 3), { size: 500_000 })
    assignment.leave()
    assignment.join({ t: [0] }, false)
    assert.deepStrictEqual(calls, ["pause t/0", "resume t/0"])
  })

  it("holds partitions back until their positions are known", () => {
    const { assignment, calls } = setting()
    const [held] = assignment.join({ t: [0] }, true)
    assert.deepStrictEqual(calls, ["pause t/0"])
    if (held !== undefined) assignment.resume(held)
    assert.deepStrictEqual(calls, ["pause t/0", "resume t/0"])
  })

  it.effect("tries again to acknowledge through an outage of the broker", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, take } = setting()
      assignment.join({ t: [0] }, false)
      let tries = 0
      read([0], { commit: () => ++tries < 4 ? Promise.reject(new Error("gone")) : Promise.resolve() })
      const fiber = yield* Effect.forkChild(take().acknowledge)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      assert.lengthOf(calls, 4)
    }))

  it.effect("ends the member when a partition that is still its own cannot be acknowledged", () =>
    Effect.gen(function*() {
      const { assignment, read, stuck, take } = setting()
      assignment.join({ t: [0] }, false)
      read([0], { commit: () => Promise.reject(new Error("gone")) })
      const fiber = yield* Effect.forkChild(Effect.flip(take().acknowledge))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).operation, "acknowledge")
      assert.lengthOf(stuck, 1)
    }))

  it.effect("takes the broker's word that the generation is over", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, stuck, take } = setting()
      assignment.join({ t: [0] }, false)
      const over = Object.assign(new Error("over"), { type: "ILLEGAL_GENERATION" })
      read([0], { commit: () => Promise.reject(over) })
      assert.strictEqual((yield* Effect.flip(take().acknowledge)).operation, "acknowledge")
      assert.lengthOf(calls, 1)
      assert.lengthOf(stuck, 0)
    }))

  it.effect("stores what several partitions have handled in one request", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, take } = setting()
      assignment.join({ t: [0, 1, 2, 3] }, false)
      const answers: Array<() => void> = []
      const commit = () => new Promise<void>((resolve) => answers.push(resolve))
      for (const partition of [0, 1, 2, 3]) read([partition], { partition, commit })
      const acknowledge = Effect.suspend(() => Effect.forkChild(take().acknowledge, { startImmediately: true }))
      const first = [yield* acknowledge, yield* acknowledge]
      yield* soon(() => answers.length === 1)
      const later = [yield* acknowledge, yield* acknowledge]
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(calls, ["commit 1 of 0,2 of 1"])
      answers.forEach((answer) => answer())
      yield* Effect.forEach(first, Fiber.join)
      yield* soon(() => answers.length === 2)
      assert.deepStrictEqual(calls, ["commit 1 of 0,2 of 1", "commit 3 of 2,4 of 3"])
      assert.deepStrictEqual(later.map((fiber) => fiber.pollUnsafe()), [undefined, undefined])
      answers.forEach((answer) => answer())
      yield* Effect.forEach(later, Fiber.join)
    }))

  it.effect("lets a partition that cannot be stored hold up no other", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, stuck, take } = setting()
      assignment.join({ t: [0, 1] }, false)
      const unstorable = () => Promise.reject(new Error("gone"))
      read([0], { commit: unstorable })
      read([1], { partition: 1 })
      const both = yield* Effect.forEach([0, 1], () =>
        Effect.forkChild(Effect.exit(take().acknowledge), { startImmediately: true }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* Effect.forEach(both, Fiber.join)).map(Exit.isSuccess), [false, true])
      assert.lengthOf(stuck, 1)
      assert.deepStrictEqual(calls.slice(0, 2), ["commit 1 of 0,2 of 1", "commit 1"])
    }))

  it.effect("goes on when an answer never comes, for those too who waited for it", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, take } = setting()
      assignment.join({ t: [0, 1] }, false)
      const commit = () => calls.length > 1 ? Promise.resolve() : new Promise<void>(() => undefined)
      read([0], { commit })
      read([1], { partition: 1, commit })
      const first = yield* Effect.forkChild(take().acknowledge, { startImmediately: true })
      yield* soon(() => calls.length === 1)
      const second = yield* Effect.forkChild(take().acknowledge, { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      yield* Effect.forEach([first, second], Fiber.join)
      assert.deepStrictEqual(calls, ["commit 1", "commit 2", "commit 1"])
    }))

  it.effect("lets nobody wait for an answer that was given up", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, take } = setting()
      assignment.join({ t: [0, 1] }, false)
      const commit = () => calls.length > 1 ? Promise.resolve() : new Promise<void>(() => undefined)
      read([0], { commit })
      const first = yield* Effect.forkChild(take().acknowledge, { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(first)
      read([1], { partition: 1, commit })
      const second = yield* Effect.forkChild(take().acknowledge, { startImmediately: true })
      yield* soon(() => second.pollUnsafe() !== undefined)
      assert.deepStrictEqual(calls, ["commit 1", "commit 1", "commit 2"])
    }))

  it.effect("stores nothing in another assignment of what waited for a request of its own", () =>
    Effect.gen(function*() {
      const { assignment, calls, read, take } = setting()
      assignment.join({ t: [0, 1] }, false)
      const answers: Array<() => void> = []
      const commit = () => new Promise<void>((resolve) => answers.push(resolve))
      read([0], { commit })
      read([1], { partition: 1, commit })
      const acknowledge = Effect.suspend(() =>
        Effect.forkChild(Effect.exit(take().acknowledge), { startImmediately: true })
      )
      yield* acknowledge
      yield* soon(() => answers.length === 1)
      const late = yield* acknowledge
      assignment.leave()
      assignment.join({ t: [0, 1] }, false)
      answers.forEach((answer) => answer())
      assert.isTrue(Exit.isFailure(yield* Fiber.join(late)))
      read([1], { partition: 1 })
      yield* take().acknowledge
      assert.deepStrictEqual(calls, ["commit 1", "commit 2"])
    }))

  it.effect("is free when all that was read is handled, in every partition", () =>
    Effect.gen(function*() {
      const { assignment, read, take } = setting(1)
      assignment.join({ t: [0, 1] }, false)
      yield* assignment.free
      read([0, 1])
      read([0], { partition: 1 })
      const free = yield* Effect.forkChild(assignment.free, { startImmediately: true })
      for (let nth = 0; nth < 3; nth++) {
        assert.isUndefined(free.pollUnsafe(), `${nth} of 3 batches are handled`)
        yield* take().acknowledge
      }
      yield* Fiber.join(free)
    }))

  it.effect("is free of what another assignment has left", () =>
    Effect.gen(function*() {
      const { assignment, read, take } = setting()
      assignment.join({ t: [0] }, false)
      read([0])
      take()
      assignment.leave()
      yield* assignment.free
      assignment.join({ t: [0] }, false)
      read([0])
      const free = yield* Effect.forkChild(assignment.free, { startImmediately: true })
      assert.isUndefined(free.pollUnsafe())
      yield* take().acknowledge
      yield* Fiber.join(free)
    }))
})
