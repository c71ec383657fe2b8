import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Queue, Result, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Batch, BusUnavailable, EventBus, type Subscription } from "../src/EventBus.ts"
import { EventBusMemory, type EventBusMemoryOptions } from "../src/memory/EventBusMemory.ts"
import { type IncomingMessage, MESSAGE_ID, toWire } from "../src/Message.ts"
import { shardOf } from "../src/Outbox.ts"
import { acknowledging, assertFirstCopiesInOrder, distinct, wire as said } from "./fixtures/BusMember.ts"
import { makeJournal } from "./fixtures/Journal.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"

const TOPIC = "order.events"
const wire = (nth: number, key: string) => toWire(outgoing(nth, key, { topic: TOPIC }))
const numbersIn = (batch: Batch): ReadonlyArray<number> =>
  batch.messages.map((message) => Number(message.headers[MESSAGE_ID]?.slice(-12)))
const publish = (...messages: ReadonlyArray<ReturnType<typeof wire>>) =>
  Effect.flatMap(EventBus, (bus) => bus.publish(messages))

/** A member whose batches queue up; closing its scope takes it out of its group. */
const join = Effect.fnUntraced(function*(group: string, more: Partial<Subscription> = {}) {
  const bus = yield* EventBus
  const scope = yield* Scope.make()
  const batches = yield* Queue.unbounded<Batch>()
  const fiber = yield* bus.subscribe({ topics: [TOPIC], group, ...more }).pipe(
    Stream.runForEach((batch) => Queue.offer(batches, batch)),
    Effect.forkIn(scope, { startImmediately: true })
  )
  return { batches, fiber, leave: Fiber.interrupt(fiber).pipe(Effect.andThen(Scope.close(scope, Exit.void))) }
})
type Joined = Effect.Success<ReturnType<typeof join>>

const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })
/** Takes what is there, acknowledges it, and goes on until nothing more comes. */
const drain = Effect.fnUntraced(function*({ batches }: Joined) {
  const seen: Array<number> = []
  while (true) {
    yield* settle
    const batch = yield* Queue.poll(batches)
    if (batch._tag === "None") return seen
    seen.push(...numbersIn(batch.value))
    yield* batch.value.acknowledge
  }
})

const durable: EventBusMemoryOptions = { groups: [{ group: "payment", topics: [TOPIC] }], partitions: 2 }
const test = <A, E>(title: string, options: EventBusMemoryOptions, body: Effect.Effect<A, E, EventBus | Scope.Scope>) =>
  it.effect(title, () => body.pipe(Effect.scoped, Effect.provide(EventBusMemory.layer(options))))

describe("the memory bus", () => {
  test(
    "confirms a publish when every durable group has acknowledged it, also one that comes later",
    {
      groups: [{ group: "payment", topics: [TOPIC] }, { group: "feed", topics: [TOPIC] }, { group: "x", topics: ["x"] }]
    },
    Effect.gen(function*() {
      const publishing = yield* publish(wire(1, "a"), wire(2, "b")).pipe(Effect.forkChild({ startImmediately: true }))
      const payment = yield* join("payment")
      assert.deepStrictEqual((yield* drain(payment)).toSorted(), [1, 2])
      yield* settle
      assert.isUndefined(publishing.pollUnsafe())
      const feed = yield* join("feed")
      assert.deepStrictEqual((yield* drain(feed)).toSorted(), [1, 2])
      yield* Fiber.join(publishing)
      // A group that has left is waited for like one that has not come.
      yield* payment.leave
      const next = yield* publish(wire(3, "a")).pipe(Effect.forkChild({ startImmediately: true }))
      assert.deepStrictEqual(yield* drain(feed), [3])
      yield* settle
      assert.isUndefined(next.pollUnsafe())
      assert.deepStrictEqual(yield* drain(yield* join("payment")), [3])
      yield* Fiber.join(next)
    })
  )

  test(
    "never waits for ephemeral groups, nor where no durable group listens",
    { groups: [{ group: "payment", topics: ["other"] }] },
    Effect.gen(function*() {
      const tail = yield* join("tail")
      yield* publish(wire(1, "a"))
      yield* publish()
      yield* publish(wire(2, "a"))
      yield* settle
      assert.deepStrictEqual(numbersIn(yield* Queue.take(tail.batches)), [1])
    })
  )

  test(
    "keeps the order of a key, and says where each message lies",
    durable,
    Effect.gen(function*() {
      const messages = Array.from({ length: 30 }, (_, nth) => wire(nth, `key-${nth % 4}`))
      const payment = yield* join("payment", { maxBatch: 4 })
      yield* Effect.forkChild(publish(...messages), { startImmediately: true })
      const seen: Array<Batch["messages"][number]> = []
      while (seen.length < messages.length) {
        const batch = yield* Queue.take(payment.batches)
        assert.isTrue(batch.messages.length <= 4)
        for (const message of batch.messages) {
          assert.strictEqual(message.partition, batch.partition)
          assert.strictEqual(message.topic, TOPIC)
          assert.strictEqual(message.partition, shardOf(message.key ?? "") % 2)
        }
        seen.push(...batch.messages)
        yield* batch.acknowledge
      }
      for (const partition of [0, 1]) {
        const offsets = seen.filter((message) => message.partition === partition).map((message) => message.offset)
        assert.deepStrictEqual(offsets, offsets.map((_, nth) => (offsets[0] ?? 0n) + BigInt(nth)))
      }
      for (let key = 0; key < 4; key++) {
        assert.deepStrictEqual(
          seen.filter((message) => message.key === `key-${key}`).map((message) => message.headers[MESSAGE_ID]),
          messages.filter((message) => message.key === `key-${key}`).map((message) => message.headers[MESSAGE_ID])
        )
      }
    })
  )

  test(
    "takes turns among partitions, so that a busy one starves no other",
    durable,
    Effect.gen(function*() {
      const keys = [0, 1].map((partition) => ["a", "b", "c", "d"].find((key) => shardOf(key) % 2 === partition) ?? "")
      yield* Effect.forkChild(
        publish(...Array.from({ length: 10 }, (_, nth) => wire(nth, keys[nth < 8 ? 0 : 1] ?? ""))),
        { startImmediately: true }
      )
      const bus = yield* EventBus
      // One after another, as a consumer without any concurrency takes them.
      const seen = yield* bus.subscribe({ topics: [TOPIC], group: "payment", maxBatch: 1 }).pipe(
        Stream.mapEffect((batch) => Effect.as(batch.acknowledge, batch.partition)),
        Stream.take(4),
        Stream.runCollect
      )
      assert.deepStrictEqual(seen.toSorted(), [0, 0, 1, 1])
    })
  )

  test(
    "gives the next batch of a partition only after the acknowledgement, while others flow on",
    durable,
    Effect.gen(function*() {
      const payment = yield* join("payment", { maxBatch: 1 })
      const [one, two] = [wire(1, "a"), wire(2, "a")]
      const other = wire(3, ["b", "c", "d"].find((key) => shardOf(key) % 2 !== shardOf("a") % 2) ?? "")
      yield* Effect.forkChild(publish(one, two, other), { startImmediately: true })
      const first = yield* Queue.take(payment.batches)
      const second = yield* Queue.take(payment.batches)
      assert.deepStrictEqual([...numbersIn(first), ...numbersIn(second)].toSorted(), [1, 3])
      yield* settle
      assert.strictEqual((yield* Queue.poll(payment.batches))._tag, "None")
      yield* first.acknowledge
      yield* second.acknowledge
      assert.deepStrictEqual(numbersIn(yield* Queue.take(payment.batches)), [2])
    })
  )

  test(
    "gives unacknowledged messages again to the next member, and refuses the acknowledgement of the one before",
    durable,
    Effect.gen(function*() {
      const publishing = yield* publish(wire(1, "a"), wire(2, "a")).pipe(Effect.forkChild({ startImmediately: true }))
      const before = yield* join("payment", { maxBatch: 1 })
      yield* (yield* Queue.take(before.batches)).acknowledge
      const late = yield* Queue.take(before.batches)
      assert.deepStrictEqual(numbersIn(late), [2])
      yield* before.leave

      const after = yield* join("payment")
      const again = yield* Queue.take(after.batches)
      assert.deepStrictEqual(numbersIn(again), [2])
      const refusal = yield* Effect.flip(late.acknowledge)
      assert.instanceOf(refusal, BusUnavailable)
      yield* settle
      assert.isUndefined(publishing.pollUnsafe())
      yield* again.acknowledge
      yield* again.acknowledge
      yield* Fiber.join(publishing)
    })
  )

  test(
    "shares partitions among members; who keeps one keeps its batch, who loses one is refused",
    durable,
    Effect.gen(function*() {
      const assigned: Array<string> = []
      const onAssigned = (name: string) => Effect.sync(() => void assigned.push(name))
      const keys = [0, 1].map((partition) => ["a", "b", "c", "d"].find((key) => shardOf(key) % 2 === partition) ?? "")
      const publishing = yield* publish(...keys.map((key, nth) => wire(nth, key))).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      const one = yield* join("payment", { onAssigned: onAssigned("one") })
      const held = [yield* Queue.take(one.batches), yield* Queue.take(one.batches)]
      const two = yield* join("payment", { onAssigned: onAssigned("two") })
      const moved = yield* Queue.take(two.batches)
      const results = yield* Effect.forEach(held, (batch) => Effect.result(batch.acknowledge))
      assert.deepStrictEqual(
        held.map((batch, nth) => [batch.partition, Result.isSuccess(results[nth]!)]),
        held.map((batch) => [batch.partition, batch.partition !== moved.partition])
      )
      yield* moved.acknowledge
      yield* Fiber.join(publishing)

      yield* join("payment", { onAssigned: onAssigned("three") })
      yield* settle
      // Also the one for which no partition was left.
      assert.deepStrictEqual(assigned.toSorted(), ["one", "one", "one", "three", "two", "two"])
    })
  )

  test(
    "shares the partitions out again when members leave",
    { groups: [{ group: "payment", topics: [TOPIC] }] },
    Effect.gen(function*() {
      const members = yield* Effect.forEach(Array.from({ length: 4 }), () => join("payment"))
      const keys = Array.from({ length: 30 }, (_, nth) => `key-${nth}`)
      const first = yield* publish(...keys.map((key, nth) => wire(nth, key))).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      const shares = yield* Effect.forEach(members, drain)
      yield* Fiber.join(first)
      assert.deepStrictEqual(shares.flat().toSorted((a, b) => a - b), keys.map((_, nth) => nth))
      assert.isTrue(shares.every((share) => share.length > 0))

      yield* members[0]!.leave
      yield* members[2]!.leave
      const second = yield* publish(...keys.map((key, nth) => wire(nth, key))).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      const rest = [...yield* drain(members[1]!), ...yield* drain(members[3]!)]
      yield* Fiber.join(second)
      assert.deepStrictEqual(rest.toSorted((a, b) => a - b), keys.map((_, nth) => nth))
    })
  )

  test(
    "keeps what an interrupted publish wrote, and does not double it when it is published again",
    durable,
    Effect.gen(function*() {
      const impatient = yield* publish(wire(1, "a"), wire(2, "a")).pipe(Effect.forkChild({ startImmediately: true }))
      yield* Fiber.interrupt(impatient)
      const again = yield* publish(wire(1, "a"), wire(2, "a"), wire(3, "a")).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      const payment = yield* join("payment", { maxBatch: 1 })
      yield* (yield* Queue.take(payment.batches)).acknowledge
      yield* Fiber.interrupt(again)
      const last = yield* publish(wire(1, "a"), wire(2, "a"), wire(3, "a")).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      assert.deepStrictEqual(yield* drain(payment), [2, 3])
      yield* Fiber.join(last)
    })
  )

  test(
    "doubles what is published twice on purpose",
    durable,
    Effect.gen(function*() {
      const payment = yield* join("payment")
      yield* Effect.forkChild(publish(wire(1, "a"), wire(1, "a")), { startImmediately: true })
      yield* Effect.forkChild(publish(wire(1, "a")), { startImmediately: true })
      assert.deepStrictEqual(yield* drain(payment), [1, 1, 1])
    })
  )

  test(
    "begins where a member says, takes that for acknowledged, and at the earliest when there is no such place",
    durable,
    Effect.gen(function*() {
      const publishing = yield* publish(wire(1, "a"), wire(2, "a"), wire(3, "a")).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      const first = yield* join("payment")
      const batch = yield* Queue.take(first.batches)
      yield* first.leave
      const mine = batch.partition
      const base = batch.messages[0].offset
      const from = (offset: bigint) => ({
        startAt: (topic: string, partition: number) =>
          Effect.sync(() => {
            assert.strictEqual(topic, TOPIC)
            return partition === mine ? offset : undefined
          })
      })
      for (const outOfRange of [base - 1n, base + 4n]) {
        const lost = yield* join("payment", from(outOfRange))
        assert.deepStrictEqual(numbersIn(yield* Queue.take(lost.batches)), [1, 2, 3])
        yield* lost.leave
      }
      const second = yield* join("payment", from(base + 2n))
      assert.deepStrictEqual(numbersIn(yield* Queue.take(second.batches)), [3])
      yield* second.leave
      // It had them all: nothing is left to acknowledge, and the publisher must learn it.
      const third = yield* join("payment", from(base + 3n))
      yield* Fiber.join(publishing)
      yield* third.leave
    })
  )

  test(
    "keeps no more than it must, so that its memory is bounded",
    { ...durable, tail: 300 },
    Effect.gen(function*() {
      const payment = yield* join("payment")
      yield* Effect.forkScoped(
        Effect.forever(Effect.flatMap(Queue.take(payment.batches), (batch) => batch.acknowledge))
      )
      for (let nth = 0; nth < 3_000; nth += 10) {
        yield* publish(...Array.from({ length: 10 }, (_, more) => wire(nth + more, "a")))
      }
      const late = yield* drain(yield* join("late"))
      assert.isTrue(late.length >= 300 && late.length < 700, `${late.length} messages are kept`)
      assert.strictEqual(late.at(-1), 2_999)
    })
  )

  test(
    "lets a slow ephemeral group miss messages, and never a durable one",
    { ...durable, tail: 10 },
    Effect.gen(function*() {
      const slow = yield* join("slow", { maxBatch: 1 })
      const publishing = yield* publish(...Array.from({ length: 600 }, (_, nth) => wire(nth, "a"))).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      const first = yield* Queue.take(slow.batches)
      const payment = yield* join("payment")
      assert.strictEqual((yield* drain(payment)).length, 600)
      yield* Fiber.join(publishing)
      yield* first.acknowledge
      const [jumped] = numbersIn(yield* Queue.take(slow.batches))
      assert.isTrue((jumped ?? 0) > 100 && (jumped ?? 0) <= 590)
    })
  )

  it.effect("loses and reorders nothing of 10 000 messages when the process ends at a third and at half of them", () =>
    Effect.gen(function*() {
      const journal = makeJournal<IncomingMessage>()
      const publishers = [0, 1, 2, 3].map((publisher) => ({ publisher, next: 0 }))
      for (const end of [3_333, 5_000, 10_000]) {
        // A log of its own for each life of the process. As an outbox does, each publisher goes on with what was not confirmed.
        yield* Effect.gen(function*() {
          const bus = yield* EventBus
          yield* Effect.forkScoped(
            bus.subscribe({ topics: [TOPIC], group: "payment", maxBatch: 20 }).pipe(
              Stream.mapEffect(acknowledging(journal), { concurrency: "unbounded" }),
              Stream.runDrain
            )
          )
          for (const own of publishers) {
            const round = (n: number) =>
              Array.from({ length: 25 }, (_, key) => said(TOPIC, `key-${own.publisher}-${key}`, String(n)))
            yield* Effect.forkScoped(Effect.gen(function*() {
              for (; own.next < 100; own.next++) yield* bus.publish(round(own.next))
            }))
          }
          yield* journal.until((messages) => distinct(messages) >= end)
        }).pipe(Effect.scoped, Effect.provide(Layer.fresh(EventBusMemory.layer(durable))))
      }
      assert.strictEqual(distinct(journal.entries), 10_000)
      assertFirstCopiesInOrder(journal.entries)
    }))

  it.effect("begins behind every position of the log before it, so that stored positions do not skip anything", () =>
    Effect.gen(function*() {
      const lastOffset = Effect.gen(function*() {
        const tail = yield* join("tail")
        yield* publish(wire(1, "a"), wire(2, "a"))
        return (yield* Queue.take(tail.batches)).messages[1]?.offset ?? 0n
      }).pipe(Effect.provide(EventBusMemory.layer({ groups: [] })))
      const before = yield* lastOffset
      yield* TestClock.adjust("1 milli")
      assert.isTrue((yield* lastOffset) > before + 4_000n)
    }))
})
