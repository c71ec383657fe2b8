import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Batch, Subscription } from "../src/EventBus.ts"
import type { IncomingMessage } from "../src/Message.ts"
import { holding, join, messagesOf } from "./fixtures/BusMember.ts"
import { makeJournal } from "./fixtures/Journal.ts"
import { type Asked, playedBus, playedCluster, TOPIC } from "./fixtures/PlayedCluster.ts"

const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, n) => from + n)
const offsetsOf = (messages: ReadonlyArray<IncomingMessage>): ReadonlyArray<number> =>
  messages.map(({ offset }) => Number(offset))

/** An answer has been dealt with: kafkajs takes one of a partition only while no other broker's is at work. */
const settled = Effect.sleep("50 millis")

/** A member whose brokers, 1 and 2, answer when the test says so, and whose handler acknowledges nothing by itself. */
const setting = Effect.fnUntraced(function*(
  { isControl, leaders, ...subscription }:
    & { readonly leaders: ReadonlyArray<number>; readonly isControl?: (offset: number) => boolean }
    & Pick<Subscription, "startAt">
) {
  const asked = makeJournal<Asked>()
  const cluster = yield* playedCluster({
    leaders,
    onAsked: asked.add,
    ...(isControl === undefined ? {} : { isControl })
  })
  const batches = makeJournal<Batch>()
  const { assignments } = yield* join({ topics: [TOPIC], group: "group", ...subscription }, holding(batches)).pipe(
    Effect.provide(playedBus(leaders.length))
  )
  yield* Effect.addFinalizer(() => Effect.sync(cluster.end))
  const taken = new Set<Asked>()
  /** What a broker was asked for after what the test has seen of it already. */
  const next = (node: number): Effect.Effect<Asked> => {
    const find = () => asked.entries.find((one) => one.node === node && !taken.has(one))
    return asked.until(() => find() !== undefined).pipe(
      Effect.map(find),
      Effect.flatMap((one) => one === undefined ? Effect.die(new Error("nothing was asked")) : Effect.succeed(one)),
      Effect.tap((one) => Effect.sync(() => taken.add(one)))
    )
  }
  /** Broker 1 says that it leads nothing of what it is asked for, and so the member joins anew. */
  const rejoin = Effect.gen(function*() {
    const { length } = assignments.entries
    const { refuse } = yield* next(1)
    refuse("NOT_LEADER_FOR_PARTITION")
    yield* assignments.until((all) => all.length > length)
  })
  return { cluster, batches, next, rejoin }
})

describe("an answer to what a former assignment asked for", () => {
  it.live("is not taken after two quick ones", () =>
    Effect.gen(function*() {
      const { batches, cluster, next, rejoin } = yield* setting({ leaders: [2, 1] })
      ;(yield* next(2)).answer({ 0: range(0, 10) })
      const late = yield* next(2)
      assert.deepStrictEqual([...late.from], [[0, 10]])
      yield* rejoin
      yield* rejoin
      yield* next(1)
      assert.strictEqual(cluster.assignments(), 3)
      late.answer({ 0: range(10, 20) })
      const again = yield* next(2)
      assert.deepStrictEqual([...again.from], [[0, 0]])
      again.answer({ 0: range(0, 5) })
      yield* batches.until(({ length }) => length === 2)
      yield* batches.entries[1]?.acknowledge ?? Effect.void
      assert.deepStrictEqual(offsetsOf(batches.entries[1]?.messages ?? []), range(0, 5))
      assert.deepStrictEqual([...cluster.stored], [[0, 5]])
    }).pipe(Effect.scoped))

  it.live("is not taken behind a rightful one of the partition's new leader", () =>
    Effect.gen(function*() {
      const { batches, cluster, next, rejoin } = yield* setting({ leaders: [2, 1] })
      ;(yield* next(2)).answer({ 0: range(0, 10) })
      const late = yield* next(2)
      cluster.leaders[0] = 1
      yield* rejoin
      const first = yield* next(1)
      assert.deepStrictEqual([...first.from], [[0, 0], [1, 0]])
      first.answer({ 0: range(0, 5) })
      const second = yield* next(1)
      assert.strictEqual(second.from.get(0), 5)
      late.answer({ 0: range(10, 20) })
      yield* settled
      second.answer({ 0: range(5, 12) })
      assert.strictEqual((yield* next(1)).from.get(0), 12)
      assert.deepStrictEqual(offsetsOf(messagesOf(batches.entries.slice(1))), range(0, 5))
      yield* batches.entries[1]?.acknowledge ?? Effect.void
      yield* batches.until(({ length }) => length === 3)
      yield* batches.entries[2]?.acknowledge ?? Effect.void
      assert.deepStrictEqual(offsetsOf(messagesOf(batches.entries.slice(1))), range(0, 12))
      assert.deepStrictEqual([...cluster.stored], [[0, 12]])
    }).pipe(Effect.scoped))

  it.live("moves nothing with records that are no messages", () =>
    Effect.gen(function*() {
      const { next, rejoin } = yield* setting({ leaders: [2, 1], isControl: (offset) => offset >= 10 })
      ;(yield* next(2)).answer({ 0: range(0, 10) })
      const late = yield* next(2)
      yield* rejoin
      yield* next(1)
      late.answer({ 0: [10] })
      assert.deepStrictEqual([...(yield* next(2)).from], [[0, 0]])
    }).pipe(Effect.scoped))

  it.live("is not taken before the positions of the present one are known", () =>
    Effect.gen(function*() {
      const { batches, cluster, next, rejoin } = yield* setting({ leaders: [2, 1] })
      const late = yield* next(2)
      // Somebody else held the partition meanwhile.
      cluster.stored.set(0, 7)
      yield* rejoin
      late.answer({ 0: range(0, 5) })
      assert.deepStrictEqual([...(yield* next(2)).from], [[0, 7]])
      assert.lengthOf(batches.entries, 0)
    }).pipe(Effect.scoped))

  it.live("does no harm where the member holds nothing any more", () =>
    Effect.gen(function*() {
      const { batches, cluster, next, rejoin } = yield* setting({ leaders: [2, 1] })
      const late = yield* next(2)
      cluster.assigned.clear()
      yield* rejoin
      late.answer({ 0: range(0, 5) })
      // A member that had failed would have been made anew.
      yield* Effect.sleep("300 millis")
      assert.strictEqual(cluster.assignments(), 2)
      cluster.assigned.add(0)
      cluster.rebalance()
      ;(yield* next(2)).answer({ 0: range(0, 5) })
      yield* batches.until(({ length }) => length === 1)
    }).pipe(Effect.scoped))

  it.live("is not taken when it had come in time, and has waited for its turn since", () =>
    Effect.gen(function*() {
      // One partition more than kafkajs works on at a time; each is done after what a pace lasts at the longest.
      const last = 64
      const { batches, next } = yield* setting({ leaders: [...range(0, last + 1).map(() => 2), 1] })
      const all = (offset: number) => Object.fromEntries(range(0, last + 1).map((partition) => [partition, [offset]]))
      ;(yield* next(2)).answer(all(0))
      const second = yield* next(2)
      assert.strictEqual(second.from.get(last), 1)
      const request = yield* next(1)
      second.answer(all(1))
      request.refuse("NOT_LEADER_FOR_PARTITION")
      yield* next(1)
      const again = yield* next(2)
      assert.strictEqual(again.from.size, last + 1)
      assert.deepStrictEqual(Array.from(again.from).filter(([, offset]) => offset !== 0), [])
      assert.lengthOf(batches.entries, last + 1)
    }).pipe(Effect.scoped))

  it.live("is not taken where the positions are a consumer's own", () =>
    Effect.gen(function*() {
      let position = 0n
      const { batches, next, rejoin } = yield* setting({ leaders: [2, 1], startAt: () => Effect.succeed(position) })
      ;(yield* next(2)).answer({ 0: range(0, 10) })
      const late = yield* next(2)
      assert.deepStrictEqual([...late.from], [[0, 10]])
      position = 3n
      yield* rejoin
      // Reading goes on here, so it does there.
      assert.deepStrictEqual([...(yield* next(1)).from], [[1, 3]])
      late.answer({ 0: range(10, 20) })
      assert.deepStrictEqual([...(yield* next(2)).from], [[0, 3]])
      assert.lengthOf(batches.entries, 1)
    }).pipe(Effect.scoped))
})

describe("an answer of the present assignment", () => {
  it.live("is taken once of two leaders that were both asked for the same", () =>
    Effect.gen(function*() {
      const { batches, cluster, next } = yield* setting({ leaders: [2, 1] })
      const old = yield* next(2)
      cluster.leaders[0] = 1
      ;(yield* next(1)).answer({})
      const request = yield* next(1)
      assert.deepStrictEqual([...request.from], [[0, 0], [1, 0]])
      request.answer({ 0: range(0, 5) })
      const after = yield* next(1)
      assert.strictEqual(after.from.get(0), 5)
      old.answer({ 0: range(0, 3) })
      yield* settled
      after.answer({ 0: range(5, 8) })
      assert.strictEqual((yield* next(1)).from.get(0), 8)
      yield* batches.entries[0]?.acknowledge ?? Effect.void
      yield* batches.until(({ length }) => length === 2)
      assert.deepStrictEqual(offsetsOf(messagesOf(batches.entries)), range(0, 8))
    }).pipe(Effect.scoped))

  it.live("is taken behind a gap, and behind records that are no messages", () =>
    Effect.gen(function*() {
      const { batches, cluster, next } = yield* setting({ leaders: [2, 1], isControl: (offset) => offset < 3 })
      ;(yield* next(2)).answer({ 0: [1, 2] })
      ;(yield* next(2)).answer({ 0: [5, 9] })
      const { from } = yield* next(2)
      assert.deepStrictEqual([...from], [[0, 10]])
      yield* batches.entries[0]?.acknowledge ?? Effect.void
      assert.deepStrictEqual([...cluster.stored], [[0, 10]])
    }).pipe(Effect.scoped))
})

describe("what a group has stored", () => {
  /** The record before it is a message: nothing is acknowledged behind control records. */
  const END = 60
  const isControl = (offset: number) => offset % 9 === 4
  const pick = (below: number) => Math.floor(Math.random() * below)

  it.live(
    "lies behind nothing that was not handled, however leaders move and assignments follow each other",
    () =>
      Effect.gen(function*() {
        const leaders = [1, 2, 3, 1, 2, 3]
        const handled = leaders.map(() => new Set<number>())
        const skipped: Array<string> = []
        const progress = makeJournal<void>()
        const cluster = yield* playedCluster({
          leaders,
          isControl,
          onAsked: ({ answer, from, refuse }) => {
            setTimeout(() => {
              const which = pick(leaders.length)
              if (pick(16) === 0) {
                cluster.leaders[which] = 1 + pick(3)
                return refuse("NOT_LEADER_FOR_PARTITION")
              }
              if (pick(32) === 0) {
                // All but one, which it gets back the next time.
                leaders.forEach((_, partition) => cluster.assigned.add(partition))
                cluster.assigned.delete(which)
                cluster.rebalance()
              }
              answer(Object.fromEntries(
                Array.from(from, ([partition, offset]) => [partition, range(offset, Math.min(END, offset + pick(8)))])
              ))
            }, pick(3) === 0 ? pick(25) : pick(3))
          },
          onStored: (partition, offset) => {
            const missing = range(0, offset).filter((one) => !isControl(one) && handled[partition]?.has(one) !== true)
            if (missing.length > 0) skipped.push(`${missing.join()} of ${partition}, at ${offset}`)
            progress.add(undefined)
          }
        })
        yield* join({ topics: [TOPIC], group: "group", maxBatch: 2 }, (batch) =>
          Effect.sleep(`${pick(40)} millis`).pipe(
            Effect.andThen(Effect.sync(() => {
              for (const offset of offsetsOf(batch.messages)) handled[batch.partition]?.add(offset)
            })),
            Effect.andThen(batch.acknowledge),
            Effect.ignore
          )).pipe(Effect.provide(playedBus(leaders.length)))
        yield* Effect.addFinalizer(() => Effect.sync(cluster.end))
        yield* progress.until(() =>
          skipped.length > 0 || leaders.every((_, partition) => (cluster.stored.get(partition) ?? 0) >= END)
        )
        assert.deepStrictEqual(skipped, [])
        assert.isAbove(cluster.assignments(), 5)
      }).pipe(Effect.scoped),
    60_000
  )
})
