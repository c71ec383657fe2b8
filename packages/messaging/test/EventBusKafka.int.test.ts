import { assert, describe, it } from "@effect/vitest"
import { kafkaSuite, LocalKafka } from "@g-store/local-kafka/LocalKafka.ts"
import { Effect, Exit, Layer, type Scope } from "effect"
import { type Admin, CompressionCodecs, CompressionTypes, Kafka, logLevel, type Message } from "kafkajs"
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import { type Batch, EventBus } from "../src/EventBus.ts"
import { EventBusKafka } from "../src/kafka/EventBusKafka.ts"
import type { IncomingMessage } from "../src/Message.ts"
import {
  acknowledging,
  bodyOf,
  distinct,
  holding,
  join,
  keys,
  membership,
  partitionsOf,
  wire
} from "./fixtures/BusMember.ts"
import { makeJournal } from "./fixtures/Journal.ts"

const bus = Layer.unwrap(
  Effect.map(LocalKafka, ({ brokers }) => EventBusKafka.layerWith({ brokers, sessionTimeout: "6 seconds" }))
)
const roundTrip = fileURLToPath(new URL("./fixtures/roundTrip.ts", import.meta.url))
const Env = Layer.provideMerge(bus, LocalKafka.layer)

/** Runs a test with a topic and a group of its own. */
const onKafka = (
  test: (names: { readonly topic: string; readonly group: string }) => Effect.Effect<
    void,
    unknown,
    EventBus | LocalKafka | Scope.Scope
  >
) =>
() =>
  Effect.suspend(() => {
    const id = randomUUID()
    return test({ topic: `topic-${id}`, group: `group-${id}` }).pipe(Effect.scoped, Effect.provide(Env))
  })

/** Another client than ours: an operator's, or a foreign system's. */
const client = Effect.map(LocalKafka, ({ brokers }) => new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }))

const asAdmin = <A>(use: (admin: Admin) => Promise<A>) =>
  Effect.acquireUseRelease(
    Effect.map(client, (kafka) => kafka.admin()),
    (admin) => Effect.promise(() => admin.connect().then(() => use(admin))),
    (admin) => Effect.promise(() => admin.disconnect())
  )

const send = (topic: string, messages: ReadonlyArray<Message>, compression = CompressionTypes.None) =>
  Effect.acquireUseRelease(
    Effect.map(client, (kafka) => kafka.producer({ createPartitioner: () => () => 0 })),
    (producer) =>
      Effect.promise(() =>
        producer.connect().then(() => producer.send({ topic, messages: [...messages], compression }))
      ),
    (producer) => Effect.promise(() => producer.disconnect())
  )

describe("EventBusKafka", await kafkaSuite(), () => {
  it.live(
    "creates missing topics with six partitions and a week's retention, whoever comes first",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      // Each with a client of its own, as replicas have.
      const build = Effect.gen(function*() {
        const port = yield* EventBus
        yield* port.publish([wire(topic, "key", "0")])
      }).pipe(Effect.provide(Layer.fresh(bus)))
      yield* Effect.all([build, build, build], { concurrency: "unbounded" })
      const journal = makeJournal<IncomingMessage>()
      yield* join({ topics: [topic], group }, acknowledging(journal))
      yield* journal.until((messages) => messages.length >= 3)
      assert.strictEqual(partitionsOf(journal.entries).size, 1)
      const { topics } = yield* asAdmin((admin) => admin.fetchTopicMetadata({ topics: [topic] }))
      assert.lengthOf(topics[0]?.partitions ?? [], 6)
      const { resources } = yield* asAdmin((admin) =>
        admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic }] })
      )
      const settings = Object.fromEntries(
        resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ?? []
      )
      assert.strictEqual(settings["retention.ms"], String(7 * 24 * 3_600_000))
      assert.strictEqual(settings["segment.ms"], String(12 * 3_600_000))
    }))
  )

  it.live(
    "leaves a topic that is there as it is",
    onKafka(Effect.fnUntraced(function*({ topic }) {
      yield* asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }))
      const port = yield* EventBus
      yield* port.publish([wire(topic, "key", "0")])
      const { topics } = yield* asAdmin((admin) => admin.fetchTopicMetadata({ topics: [topic] }))
      assert.lengthOf(topics[0]?.partitions ?? [], 2)
    }))
  )

  it.live(
    "goes on publishing when a topic gets more partitions",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      yield* asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }))
      // It counts the topic's partitions, which the client that publishes has not been told of yet.
      const journal = makeJournal<IncomingMessage>()
      const member = yield* join({ topics: [topic], group }, acknowledging(journal))
      yield* member.assigned
      yield* asAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] }))
      const port = yield* EventBus
      yield* port.publish(keys.map((key) => wire(topic, key, "0")))
      const { topics } = yield* asAdmin((admin) => admin.fetchTopicMetadata({ topics: [topic] }))
      assert.lengthOf(topics[0]?.partitions ?? [], 5)
      const again = yield* join({ topics: [topic], group: `${group}-later` }, acknowledging(journal))
      yield* again.assigned
      yield* journal.until((messages) => partitionsOf(messages).size === 5)
    }))
  )

  it.live(
    "fails the one whose message the broker refuses, and nobody who publishes beside it",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      const configEntries = [{ name: "max.message.bytes", value: "10000" }]
      yield* asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 6, configEntries }] }))
      const port = yield* EventBus
      yield* port.publish([wire(topic, "first", "0")])
      const tooLarge = { ...wire(topic, "large", ""), payload: new Uint8Array(20_000) }
      const sent = yield* Effect.forEach(
        [wire(topic, "second", "0"), tooLarge, wire(topic, "third", "0")],
        (message) => Effect.exit(port.publish([message])),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(sent.map(Exit.isSuccess), [true, false, true])
      const journal = makeJournal<IncomingMessage>()
      yield* join({ topics: [topic], group }, acknowledging(journal))
      yield* journal.until((messages) => distinct(messages) === 3)
    }))
  )

  it.live(
    "hands on what foreign producers may write: no key, no value, bytes that are no text, names used twice",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      const journal = makeJournal<IncomingMessage>()
      yield* asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))
      const garbage = Buffer.from([0xff, 0xfe, 0x00, 0xc3])
      yield* send(topic, [
        { key: null, value: null },
        { key: garbage, value: garbage, headers: { garbage, twice: ["first", "last"], "": "no name" } },
        { key: "key", value: "last" }
      ])
      yield* join({ topics: [topic], group }, acknowledging(journal))
      yield* journal.until((messages) => messages.length === 3)
      const [tombstone, odd, last] = journal.entries
      assert.isNull(tombstone?.key)
      assert.isNull(tombstone?.payload)
      assert.deepStrictEqual([...odd?.payload ?? []], [...garbage])
      assert.deepStrictEqual({ ...odd?.headers }, { garbage: garbage.toString(), twice: "last", "": "no name" })
      assert.strictEqual(last?.offset, 2n)
    }))
  )

  it.live(
    "reads what foreign producers compress",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      const journal = makeJournal<IncomingMessage>()
      yield* asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))
      yield* send(topic, [{ key: "key", value: "0" }, { key: "key", value: "1" }], CompressionTypes.GZIP)
      yield* join({ topics: [topic], group }, acknowledging(journal))
      yield* journal.until((messages) => messages.length === 2)
      assert.deepStrictEqual(journal.entries.map(bodyOf), ["0", "1"])
    }))
  )

  it.live(
    "goes on at the earliest message when its place is gone",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      yield* asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))
      yield* send(topic, Array.from({ length: 10 }, (_, n) => ({ key: "key", value: String(n) })))
      const first = makeJournal<Batch>()
      const member = yield* join({ topics: [topic], group, maxBatch: 2 }, holding(first))
      yield* first.until((batches) => batches.length === 1)
      yield* first.entries[0]?.acknowledge ?? Effect.void
      yield* member.leave
      // Retention took the messages up to the seventh; the group stands at the third, a consumer's own books at the fourth.
      yield* asAdmin((admin) =>
        admin.fetchTopicOffsets(topic).then(() =>
          admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "7" }] })
        )
      )
      for (const startAt of [undefined, () => Effect.succeed(3n), () => Effect.succeed(1_000n)]) {
        const journal = makeJournal<IncomingMessage>()
        const next = yield* join(
          { topics: [topic], group, startAt },
          (batch) => Effect.sync(() => journal.add(...batch.messages))
        )
        yield* journal.until((messages) => messages.length === 3)
        assert.deepStrictEqual(journal.entries.map(bodyOf), ["7", "8", "9"])
        yield* next.leave
      }
    }))
  )

  it.live(
    "stays in its group while a handler takes longer than the session may last",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      const held = makeJournal<Batch>()
      const member = yield* join({ topics: [topic], group }, holding(held))
      yield* member.assigned
      const port = yield* EventBus
      yield* port.publish([wire(topic, "key", "0")])
      yield* held.until((batches) => batches.length === 1)
      yield* Effect.sleep("7 seconds")
      yield* held.entries[0]?.acknowledge ?? Effect.void
      assert.lengthOf(member.assignments.entries, 1)
    }))
  )

  it.live(
    "leaves its group, also when it has only just joined",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      for (let n = 0; n < 3; n++) {
        const member = yield* join({ topics: [topic], group }, (batch) => batch.acknowledge)
        yield* member.assigned
        yield* member.leave
        const { groups } = yield* asAdmin((admin) => admin.describeGroups([group]))
        assert.strictEqual(groups[0]?.state, "Empty")
      }
    }))
  )

  it.live(
    "deletes a temporary group from the broker when its last member stops, and no other",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      const temporary = `${group}-temporary`
      const stateOf = (name: string) =>
        Effect.map(asAdmin((admin) => admin.describeGroups([name])), ({ groups }) => groups[0]?.state)
      const first = yield* join({ topics: [topic], group: temporary, temporary: true }, (batch) => batch.acknowledge)
      const second = yield* join({ topics: [topic], group: temporary, temporary: true }, (batch) => batch.acknowledge)
      const plain = yield* join({ topics: [topic], group }, (batch) => batch.acknowledge)
      for (const { assigned } of [first, second, plain]) yield* assigned
      yield* plain.leave
      yield* first.leave
      assert.notInclude(["Dead", "Empty"], yield* stateOf(temporary))
      yield* second.leave
      assert.strictEqual(yield* stateOf(temporary), "Dead")
      assert.strictEqual(yield* stateOf(group), "Empty")
      const { groups } = yield* asAdmin((admin) => admin.listGroups())
      assert.notInclude(groups.map(({ groupId }) => groupId), temporary)
    }))
  )

  it.live(
    "makes Node warn of nothing",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      const { brokers } = yield* LocalKafka
      const { code, stderr } = yield* Effect.promise(() =>
        new Promise<{ readonly code: number | string | null; readonly stderr: string }>((resolve) =>
          execFile(
            process.execPath,
            [roundTrip, topic, group, ...brokers],
            (error, _, said) => resolve({ code: error === null ? 0 : error.code ?? null, stderr: said })
          )
        )
      )
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    }))
  )

  it.live(
    "fails its stream when the client crashes",
    onKafka(Effect.fnUntraced(function*({ group, topic }) {
      // A message that this client cannot read: what it throws then is a crash that it does not recover from.
      const real = CompressionCodecs[CompressionTypes.GZIP]
      yield* asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))
      yield* send(topic, [{ key: "key", value: "0" }], CompressionTypes.GZIP)
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          CompressionCodecs[CompressionTypes.GZIP] = () => ({
            compress: () => Promise.reject(new TypeError("unreadable")),
            decompress: () => Promise.reject(new TypeError("unreadable"))
          })
        }),
        () => Effect.sync(() => CompressionCodecs[CompressionTypes.GZIP] = real)
      )
      const error = yield* Effect.flip(membership({ topics: [topic], group }, () => Effect.void))
      assert.strictEqual(error.operation, "consume")
      assert.include(String(error.cause), "unreadable")
    }))
  )
})
