import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { type Batch, EventBus } from "../src/EventBus.ts"
import type { IncomingMessage, WireMessage } from "../src/Message.ts"
import { consumerConformance } from "./EventBusConformanceConsumer.ts"
import { groupConformance } from "./EventBusConformanceGroups.ts"
import {
  acknowledging,
  assertFirstCopiesInOrder,
  assertGivenOnce,
  distinct,
  holding,
  join,
  keys,
  messagesOf,
  partitionsOf,
  publish,
  round,
  wire
} from "./fixtures/BusMember.ts"
import { makeJournal } from "./fixtures/Journal.ts"

/** The groups that a test is going to use: a bus that stores nothing must know for whom to keep messages. */
export type Groups = ReadonlyArray<{ readonly group: string; readonly topics: ReadonlyArray<string> }>

/** A fresh connection to a bus whose topics have several partitions. */
export type MakeBus = (groups: Groups) => Layer.Layer<EventBus, unknown>

/** Options of the suite's `describe`, for a bus that not every machine can run. */
export interface SuiteOptions {
  readonly skip: boolean
  readonly meta: { readonly skipped?: string }
}

export const everywhere: SuiteOptions = { skip: false, meta: {} }

/** Runs a test on a bus of its own, with a topic and two groups of its own. */
export type OnBus = (
  test: (names: { readonly topic: string; readonly group: string; readonly other: string }) => Effect.Effect<
    void,
    unknown,
    EventBus | Scope.Scope
  >
) => () => Effect.Effect<void, unknown>

const onBus = (makeBus: MakeBus): OnBus => (test) => () =>
  Effect.suspend(() => {
    const id = randomUUID()
    const topic = `topic-${id}`
    const [group, other] = [`group-${id}`, `other-${id}`]
    return test({ topic, group, other }).pipe(
      Effect.scoped,
      Effect.provide(makeBus([{ group, topics: [topic] }, { group: other, topics: [topic] }]))
    )
  })

/** What every adapter of EventBus promises. Another client of another broker is one more line that calls this. */
export const eventBusConformance = (name: string, makeBus: MakeBus, suite: SuiteOptions = everywhere): void => {
  const bus = onBus(makeBus)
  describe(name, suite, () => {
    it.live(
      "keeps the order of every key, whoever publishes at the same time",
      bus(Effect.fnUntraced(function*({ group, other, topic }) {
        const journal = makeJournal<IncomingMessage>()
        yield* join({ topics: [topic], group }, acknowledging(journal))
        yield* join({ topics: [topic], group }, acknowledging(journal))
        yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
        const port = yield* EventBus
        // Each publisher has keys of its own, and publishes 25 times a few messages of each.
        yield* Effect.forEach(
          [0, 1, 2, 3, 4, 5, 6, 7],
          (publisher) =>
            Effect.forEach(Array.from({ length: 25 }, (_, n) => n), (n) =>
              port.publish(
                keys.filter((_, nth) => nth % 8 === publisher).flatMap((key) => [
                  wire(topic, key, String(2 * n)),
                  wire(topic, key, String(2 * n + 1))
                ])
              ), { discard: true }),
          { concurrency: "unbounded", discard: true }
        )
        yield* journal.until((messages) => distinct(messages) === 50 * keys.length)
        assertFirstCopiesInOrder(journal.entries)
      }))
    )

    it.live(
      "gives every group every message, from the first on",
      bus(Effect.fnUntraced(function*({ group, other, topic }) {
        const journals = [makeJournal<IncomingMessage>(), makeJournal<IncomingMessage>()] as const
        yield* publish(round(topic, 0))
        yield* join({ topics: [topic], group }, acknowledging(journals[0]))
        // Publishing goes on in the background, and what is published side by side comes in any order.
        yield* journals[0].until((messages) => distinct(messages) === keys.length)
        yield* publish(round(topic, 1))
        yield* join({ topics: [topic], group: other }, acknowledging(journals[1]))
        for (const journal of journals) {
          yield* journal.until((messages) => distinct(messages) === 2 * keys.length)
          assertFirstCopiesInOrder(journal.entries)
        }
      }))
    )

    it.live(
      "carries keys, headers and payloads byte for byte",
      bus(Effect.fnUntraced(function*({ group, other, topic }) {
        const journal = makeJournal<IncomingMessage>()
        const heads: ReadonlyArray<Omit<WireMessage, "payload">> = [
          { topic, key: "заказ-🧾", headers: { "имя": "значение ✓", empty: "", message_id: "a\u0000b" } },
          { topic, key: "", headers: { ["__proto__"]: "own", constructor: "c" } },
          { topic, key: null, headers: {} }
        ]
        const sent = heads.map((message, n) => ({
          ...message,
          payload: Uint8Array.from({ length: 256 }, (_, byte) => (byte + n) % 256)
        }))
        yield* join({ topics: [topic], group }, acknowledging(journal))
        yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
        yield* publish([...sent, { topic, key: "nothing", headers: {}, payload: new Uint8Array() }])
        // Any of them may have come twice.
        yield* journal.until((messages) => new Set(messages.map(({ key }) => key)).size === 4)
        for (const message of sent) {
          const got = journal.entries.find(({ key }) => key === message.key)
          assert.deepStrictEqual({ ...got?.headers }, { ...message.headers })
          assert.deepStrictEqual(Array.from(got?.payload ?? []), Array.from(message.payload))
          assert.strictEqual(got?.topic, topic)
        }
        assert.strictEqual(journal.entries.find(({ key }) => key === "nothing")?.payload?.length, 0)
      }))
    )

    it.live(
      "gives a partition's next messages only after those before were acknowledged, and no more than asked for",
      bus(Effect.fnUntraced(function*({ group, other, topic }) {
        const journal = makeJournal<Batch>()
        yield* publish(Array.from({ length: 25 }, (_, n) => wire(topic, "one key", String(n))))
        yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
        yield* join({ topics: [topic], group, maxBatch: 10 }, holding(journal))
        for (let count = 1; distinct(messagesOf(journal.entries)) < 25; count++) {
          yield* journal.until((batches) => batches.length === count)
          // Time enough for one that should not come.
          yield* Effect.yieldNow
          assert.lengthOf(journal.entries, count)
          const batch = journal.entries[count - 1]
          assert.isAtMost(batch?.messages.length ?? 0, 10)
          yield* batch?.acknowledge ?? Effect.void
          // Repeated, as after an answer that was lost.
          yield* batch?.acknowledge ?? Effect.void
        }
        assertFirstCopiesInOrder(messagesOf(journal.entries))
        assertGivenOnce(messagesOf(journal.entries))
      }))
    )

    it.live(
      "lets other partitions flow while one is blocked",
      bus(Effect.fnUntraced(function*({ group, other, topic }) {
        const [journal, whole] = [makeJournal<IncomingMessage>(), makeJournal<IncomingMessage>()]
        const blocking = makeJournal<number>()
        yield* join({ topics: [topic], group: other }, acknowledging(whole))
        yield* join({ topics: [topic], group }, (batch) => {
          if (blocking.entries.length === 0) blocking.add(batch.partition)
          return batch.partition === blocking.entries[0] ? Effect.never : acknowledging(journal)(batch)
        })
        yield* publish([wire(topic, "blocks", "0")])
        yield* blocking.until((partitions) => partitions.length > 0)
        const [blocked = -1] = blocking.entries
        for (let n = 0; n < 30; n++) yield* publish(round(topic, n))
        // Another group, which nothing blocks, tells where each key lies.
        yield* whole.until((messages) => distinct(messages) === 30 * keys.length + 1)
        const flowing = whole.entries.filter(({ partition }) => partition !== blocked)
        assert.isAbove(partitionsOf(flowing).size, 0)
        assert.isBelow(distinct(flowing), 30 * keys.length)
        // All of every other partition comes, in spite of the blocked one.
        yield* journal.until((messages) => distinct(messages) === distinct(flowing))
        assert.isFalse(partitionsOf(journal.entries).has(blocked))
      }))
    )

    groupConformance(bus)
    consumerConformance(bus)
  })
}
