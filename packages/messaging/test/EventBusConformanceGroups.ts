import { assert, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { type Batch, type BusUnavailable, EventBus } from "../src/EventBus.ts"
import type { IncomingMessage } from "../src/Message.ts"
import type { OnBus } from "./EventBusConformance.ts"
import {
  acknowledging,
  assertFirstCopiesInOrder,
  assertGivenOnce,
  bodyOf,
  distinct,
  holding,
  join,
  keys,
  messagesOf,
  nameOf,
  partitionsOf,
  placeOf,
  publish,
  round,
  wire
} from "./fixtures/BusMember.ts"
import { makeJournal } from "./fixtures/Journal.ts"

/** The part of the suite about members that come, go and fail. */
export const groupConformance = (bus: OnBus): void => {
  it.live(
    "shares the partitions among the members of a group",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      const journals = [makeJournal<IncomingMessage>(), makeJournal<IncomingMessage>()] as const
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const first = yield* join({ topics: [topic], group }, acknowledging(journals[0]))
      yield* first.assigned
      const before = first.assignments.entries.length
      const second = yield* join({ topics: [topic], group }, acknowledging(journals[1]))
      yield* second.assigned
      yield* first.assignments.until((all) => all.length > before)
      yield* publish(round(topic, 0))
      for (const journal of journals) yield* journal.until((messages) => messages.length > 0)
      const all = () => [...journals[0].entries, ...journals[1].entries]
      const isComplete = () => distinct(all()) === keys.length
      yield* Effect.raceFirst(journals[0].until(isComplete), journals[1].until(isComplete))
      assertGivenOnce(all())
      const [one, two] = journals.map(({ entries }) => partitionsOf(entries))
      assert.isFalse([...one ?? []].some((partition) => two?.has(partition)))
    }))
  )

  it.live(
    "tells a member that is given no partition",
    bus(Effect.fnUntraced(function*({ group, topic }) {
      const members = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, n) => n),
        () => join({ topics: [topic], group }, (batch) => batch.acknowledge)
      )
      for (const { assigned } of members) yield* assigned
    }))
  )

  it.live(
    "gives again what a lost member had not acknowledged, and nothing else",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      const held = makeJournal<Batch>()
      const journal = makeJournal<IncomingMessage>()
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const lost = yield* join({ topics: [topic], group }, holding(held))
      yield* lost.assigned
      yield* publish(round(topic, 0))
      yield* held.until((batches) => messagesOf(batches).length > 0 && partitionsOf(messagesOf(batches)).size > 2)
      const [done, ...open] = held.entries
      yield* done?.acknowledge ?? Effect.void
      yield* lost.leave
      yield* publish(round(topic, 1))
      yield* join({ topics: [topic], group }, acknowledging(journal))
      const acknowledged = new Set(done?.messages.map(nameOf))
      const wanted = [...round(topic, 0), ...round(topic, 1)].map(nameOf).filter((name) => !acknowledged.has(name))
      const isIn = (names: ReadonlyArray<string>) => (name: string) => names.includes(name)
      yield* journal.until((messages) => wanted.every(isIn(messages.map(nameOf))))
      // The very messages, not copies that a publish tried again may have made.
      const places = journal.entries.map(placeOf)
      assert.isTrue(messagesOf(open).map(placeOf).every(isIn(places)))
      assert.isFalse(done?.messages.map(placeOf).some(isIn(places)))
      assertGivenOnce(journal.entries)
    }))
  )

  it.live(
    "loses and reorders nothing when members come and go while messages are handled",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      const journal = makeJournal<IncomingMessage>()
      // The middle of every batch is a place where the group may change.
      const handle = (batch: Batch) => Effect.andThen(Effect.sleep("5 millis"), acknowledging(journal)(batch))
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const first = yield* join({ topics: [topic], group, maxBatch: 20 }, handle)
      yield* first.assigned
      const port = yield* EventBus
      yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 30 }, (_, n) => n), (n) => port.publish(round(topic, n)), { discard: true })
      )
      yield* journal.until((messages) => distinct(messages) > 5 * keys.length)
      const second = yield* join({ topics: [topic], group, maxBatch: 20 }, handle)
      yield* second.assigned
      yield* journal.until((messages) => distinct(messages) > 20 * keys.length)
      yield* first.leave
      yield* journal.until((messages) => distinct(messages) === 30 * keys.length)
      assertFirstCopiesInOrder(journal.entries)
    }))
  )

  it.live(
    "refuses to acknowledge what was given to another member",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      const [mine, theirs] = [makeJournal<Batch>(), makeJournal<Batch>()]
      const journal = makeJournal<IncomingMessage>()
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const first = yield* join({ topics: [topic], group }, holding(mine))
      yield* first.assigned
      yield* publish(round(topic, 0))
      yield* mine.until((batches) => distinct(messagesOf(batches)) === keys.length)
      const second = yield* join({ topics: [topic], group }, holding(theirs))
      yield* theirs.until((batches) => batches.length > 0)
      const taken = theirs.entries[0]
      const stale = mine.entries.find(({ partition }) => partition === taken?.partition)
      const refusal: BusUnavailable | undefined = yield* Effect.flip(
        stale?.acknowledge ?? Effect.die("not given twice")
      )
      assert.strictEqual(refusal.operation, "acknowledge")
      // It changed nothing: the messages are still the group's to handle.
      yield* first.leave
      yield* second.leave
      yield* join({ topics: [topic], group }, acknowledging(journal))
      yield* journal.until((messages) => messages.some(({ partition }) => partition === taken?.partition))
    }))
  )

  it.live(
    "begins where the consumer's own positions say, after every assignment",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      const journal = makeJournal<IncomingMessage>()
      const stored = new Map<number, bigint>()
      const asked: Array<number> = []
      const startAt = (_: string, partition: number) =>
        Effect.sync(() => {
          asked.push(partition)
          return stored.get(partition)
        })
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const first = yield* join({ topics: [topic], group, startAt }, acknowledging(journal))
      yield* publish(Array.from({ length: 10 }, (_, n) => wire(topic, "one key", String(n))))
      yield* journal.until((messages) => distinct(messages) === 10)
      assertGivenOnce(journal.entries)
      yield* first.leave
      // The group has acknowledged all ten; the consumer's own books say that the last four are still to be done.
      const { offset, partition } = journal.entries[6] ?? { partition: -1, offset: -1n }
      stored.set(partition, offset)
      const again = makeJournal<IncomingMessage>()
      const back = yield* join({ topics: [topic], group, startAt }, acknowledging(again))
      yield* again.until((messages) => messages.length >= 4)
      assert.deepStrictEqual(
        again.entries.slice(0, 4).map((message) => message.offset),
        [6, 7, 8, 9].map((n) => offset + BigInt(n - 6))
      )
      // They also hold back what the group itself would begin with, for as long as looking them up takes.
      const slow = makeJournal<IncomingMessage>()
      const slowly = (name: string, n: number) => Effect.delay(startAt(name, n), "500 millis")
      yield* join({ topics: [topic], group: `${group}-new`, startAt: slowly }, acknowledging(slow))
      yield* slow.until((messages) => messages.length > 0)
      assert.strictEqual(slow.entries[0]?.offset, offset)
      // And when the group is shared out anew, the positions of that moment count.
      stored.set(partition, offset + 1n)
      asked.length = 0
      const before = back.assignments.entries.length
      const guest = yield* join({ topics: [topic], group, startAt }, acknowledging(again))
      yield* guest.assigned
      yield* guest.leave
      yield* back.assignments.until((all) => all.length > before)
      assert.isAbove(asked.length, 0)
      // Not every bus takes a partition away from a member that may keep it.
      if (asked.includes(partition)) {
        const isAgain = (message: IncomingMessage) => message.offset === offset + 1n
        yield* again.until((messages) => messages.filter(isAgain).length > 1)
      }
      yield* back.leave
    }))
  )

  it.live(
    "forgets a temporary group, and what it acknowledged, once its last member has left",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      for (const name of [group, other]) yield* join({ topics: [topic], group: name }, (batch) => batch.acknowledge)
      const own = { topics: [topic], group: `${group}-temporary`, temporary: true }
      const [journal, rest, again] = [
        makeJournal<IncomingMessage>(),
        makeJournal<IncomingMessage>(),
        makeJournal<IncomingMessage>()
      ] as const
      const first = yield* join(own, acknowledging(journal))
      yield* first.assigned
      yield* publish(round(topic, 0))
      yield* journal.until((messages) => distinct(messages) === keys.length)
      const second = yield* join(own, acknowledging(rest))
      yield* second.assigned
      yield* first.leave
      yield* publish(round(topic, 1))
      yield* rest.until((messages) => distinct(messages.filter((message) => bodyOf(message) === "1")) === keys.length)
      assertFirstCopiesInOrder([...journal.entries, ...rest.entries])
      yield* second.leave
      yield* join(own, acknowledging(again))
      yield* again.until((messages) => distinct(messages) === 2 * keys.length)
    }))
  )

  it.live(
    "remembers any other group when its last member has left",
    bus(Effect.fnUntraced(function*({ group, other, topic }) {
      yield* join({ topics: [topic], group: other }, (batch) => batch.acknowledge)
      const [done, again] = [makeJournal<IncomingMessage>(), makeJournal<IncomingMessage>()] as const
      const first = yield* join(
        { topics: [topic], group },
        (batch) => Effect.tap(batch.acknowledge, () => Effect.sync(() => done.add(...batch.messages)))
      )
      yield* first.assigned
      yield* publish([wire(topic, "key", "0")])
      yield* done.until((messages) => messages.length > 0)
      yield* first.leave
      yield* publish([wire(topic, "key", "1")])
      yield* join({ topics: [topic], group }, acknowledging(again))
      yield* again.until((messages) => messages.some((message) => bodyOf(message) === "1"))
      assertGivenOnce([...done.entries, ...again.entries])
    }))
  )

  it.live(
    "ends with its scope although a handler never acknowledges",
    bus(Effect.fnUntraced(function*({ group, topic }) {
      const held = makeJournal<Batch>()
      const member = yield* join(
        { topics: [topic], group },
        (batch) => Effect.andThen(holding(held)(batch), Effect.never)
      )
      yield* member.assigned
      yield* publish([wire(topic, "key", "0")])
      yield* held.until((batches) => batches.length === 1)
      yield* member.leave
      const late = yield* Effect.exit(held.entries[0]?.acknowledge ?? Effect.void)
      assert.isTrue(Exit.isFailure(late), "acknowledged after leaving")
    }))
  )
}
