import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Kafka } from "kafkajs"
import { makeTopics } from "../src/kafka/Topics.ts"

/** Brokers that tell of so many partitions of any topic, and how often they were asked. */
const brokers = (partitions: number) =>
  Effect.gen(function*() {
    const played = { partitions, asked: 0 }
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        vi.spyOn(Kafka.prototype, "admin").mockImplementation(() =>
          Object.assign(Object.create(null), {
            connect: async () => undefined,
            disconnect: async () => undefined,
            listTopics: async () => ["topic"],
            fetchTopicMetadata: async () => {
              played.asked++
              const told = Array.from({ length: played.partitions }, () => ({ leader: 1 }))
              return { topics: [{ name: "topic", partitions: told }] }
            }
          })
        )
      ),
      (spy) => Effect.sync(() => spy.mockRestore())
    )
    return played
  })

const setting = Effect.fnUntraced(function*() {
  const played = yield* brokers(6)
  const topics = yield* makeTopics({ brokers: ["played:9092"] })
  /** With the time that it takes to be sure. */
  const ensure = Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(topics.ensure(["topic"]))
    yield* TestClock.adjust("2 seconds")
    yield* Fiber.join(fiber)
  })
  yield* ensure
  return { played, topics, ensure }
})

describe("the partitions of a topic", () => {
  it.effect("are counted once, as long as nobody is told of more", () =>
    Effect.gen(function*() {
      const { ensure, played, topics } = yield* setting()
      assert.isTrue(topics.agree("topic", 6))
      assert.isTrue(topics.agree("never ensured", 3))
      assert.isFalse(topics.agree("topic", 4))
      yield* ensure
      assert.isFalse(topics.agree("topic", 4))
      assert.strictEqual(played.asked, 1)
    }).pipe(Effect.scoped))

  it.effect("are more when they have been added, and stay so", () =>
    Effect.gen(function*() {
      const { ensure, played, topics } = yield* setting()
      played.partitions = 12
      assert.isFalse(topics.agree("topic", 12))
      yield* ensure
      assert.isTrue(topics.agree("topic", 12))
      assert.isFalse(topics.agree("topic", 6))
      const { asked } = played
      yield* ensure
      assert.strictEqual(played.asked, asked)
    }).pipe(Effect.scoped))

  it.effect("are no others before the brokers tell the same again and again", () =>
    Effect.gen(function*() {
      const { played, topics } = yield* setting()
      played.partitions = 8
      topics.agree("topic", 8)
      const fiber = yield* Effect.forkChild(topics.ensure(["topic"]))
      yield* TestClock.adjust("450 millis")
      played.partitions = 12
      yield* TestClock.adjust("450 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.isTrue(topics.agree("topic", 12))
    }).pipe(Effect.scoped))

  it.effect("are asked for every other second while the brokers tell of no more, and never become fewer", () =>
    Effect.gen(function*() {
      const { played, topics } = yield* setting()
      topics.agree("topic", 12)
      const { asked } = played
      for (let nth = 0; nth < 40; nth++) {
        yield* topics.ensure(["topic"])
        yield* TestClock.adjust("100 millis")
      }
      assert.strictEqual(played.asked - asked, 2)
      played.partitions = 4
      const fiber = yield* Effect.forkChild(topics.ensure(["topic"]))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.isFalse(topics.agree("topic", 4))
      assert.isTrue(topics.agree("topic", 6))
    }).pipe(Effect.scoped))
})
