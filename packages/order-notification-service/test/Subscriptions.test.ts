import { assert, describe, it } from "@effect/vitest"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Array, Effect, Latch, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Feed } from "../src/Feed.ts"
import { ada, bob, cancelled, days, event, foreign, orderId } from "./fixtures.ts"
import { makeReplica, MemoryFeed, settled } from "./replica.ts"

const one = { type: "subscribe", orderId: orderId(1) }
const mine = { type: "subscribe", scope: "mine" }

const test = (behaviour: string, body: Effect.Effect<void, unknown, Feed | Scope.Scope>) =>
  it.effect(behaviour, () => Effect.provide(Effect.scoped(body), MemoryFeed))

describe("a subscription to an order", () => {
  test(
    "right after the 201 is held until the order arrives, and then sees every version once",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one)
      assert.deepStrictEqual(yield* client.heard, [])
      yield* replica.happen(event(1, 1))
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1"])
      yield* replica.happen(event(1, 2), event(1, 3))
      assert.deepStrictEqual(yield* client.heard, ["PAID 2", "ASSEMBLING 3"])
    })
  )

  test(
    "from version 0 right after the 201 sees the first version too, once",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say({ ...one, afterVersion: 0 })
      yield* replica.happen(event(1, 1))
      yield* replica.happen(event(1, 2))
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1", "PENDING 1", "PAID 2"])
    })
  )

  test(
    "finds an order that only another replica has heard of",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one)
      yield* replica.store(event(1, 1))
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1"])
    })
  )

  test(
    "is refused after 10 seconds without the order, and not before; the socket stays",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one, one)
      yield* TestClock.adjust("9900 millis")
      assert.deepStrictEqual(yield* client.heard, [])
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(yield* client.heard, ["error ORDER_NOT_FOUND", "error ORDER_NOT_FOUND"])
      assert.isUndefined(client.closed())
      assert.strictEqual(replica.listeners(), 0)
      assert.isBelow(replica.reads(), 12)
    })
  )

  test(
    "does not look without pause for an order whose first event waits behind a dead letter",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one)
      yield* replica.push(event(1, 1))
      yield* settled
      assert.isBelow(replica.reads(), 4)
      yield* replica.store(event(1, 1))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1"])
    })
  )

  test(
    "between an event's way into the feed and its push sees it in the snapshot, not again",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.store(event(1, 1), event(1, 2))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one)
      const resumer = yield* replica.connect({ as: "ada" })
      yield* resumer.say({ ...one, afterVersion: 1 })
      yield* replica.push(event(1, 1), event(1, 2))
      yield* replica.happen(event(1, 3))
      assert.deepStrictEqual(yield* client.heard, ["subscribed 2", "ASSEMBLING 3"])
      assert.deepStrictEqual(yield* resumer.heard, ["subscribed 2", "PAID 2", "ASSEMBLING 3"])
    })
  )

  test(
    "sees an order's last event that comes while the snapshot is read",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* replica.during("order", replica.happen(cancelled(1, 2)))
      yield* client.say(one)
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1", "CANCELLED 2"])
    })
  )

  test(
    "sees what comes while it catches up, in order and once",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(1, 2))
      const client = yield* replica.connect({ as: "ada" })
      yield* replica.during("updates", Effect.andThen(settled, replica.happen(event(1, 3), event(1, 4))))
      yield* client.say({ ...one, afterVersion: 0 })
      assert.deepStrictEqual(yield* client.heard, [
        "subscribed 2",
        "PENDING 1",
        "PAID 2",
        "ASSEMBLING 3",
        "ASSEMBLED 4"
      ])
    })
  )

  test(
    "repeats nothing that it has sent when it is asked to resume again",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(1, 2), event(1, 3))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say({ ...one, afterVersion: 1 })
      assert.deepStrictEqual(yield* client.heard, ["subscribed 3", "PAID 2", "ASSEMBLING 3"])
      yield* client.say({ ...one, afterVersion: 1 }, { ...one, afterVersion: 3 }, one)
      yield* replica.happen(event(1, 4))
      const frames = yield* client.heard
      assert.deepStrictEqual(frames.filter((frame) => !frame.startsWith("subscribed")), ["ASSEMBLED 4"])
      yield* client.say({ ...one, afterVersion: 0 })
      assert.strictEqual((yield* client.heard).filter((frame) => frame === "PENDING 1").length, 1)
    })
  )

  test(
    "that is asked for anew while it still waits loses nothing, and each is answered",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      const go = Latch.makeUnsafe(false)
      yield* replica.during("order", Effect.andThen(replica.happen(cancelled(1, 2)), go.await))
      yield* client.say({ ...one, afterVersion: 0 })
      yield* client.say(one)
      yield* client.say({ ...one, afterVersion: 0 })
      yield* go.open
      const frames = yield* client.heard
      assert.strictEqual(frames.filter((frame) => frame.startsWith("subscribed")).length, 3)
      assert.deepStrictEqual(frames.filter((frame) => !frame.startsWith("subscribed")), ["PENDING 1", "CANCELLED 2"])
    })
  )

  test(
    "that is given up is given up with all that wait behind it",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one, one, { type: "unsubscribe", orderId: orderId(1) })
      yield* replica.happen(event(1, 1))
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(yield* client.heard, ["unsubscribed order"])
      assert.strictEqual(replica.listeners(), 0)
    })
  )

  test(
    "that resumes from before what is kept says so, and goes on from the snapshot",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(1, 2), event(1, 3, { occurredAt: days(3) }))
      yield* (yield* Feed).purge(days(1), 10)
      const lost = yield* replica.connect({ as: "ada" })
      yield* lost.say({ ...one, afterVersion: 1 })
      const resumed = yield* replica.connect({ as: "ada" })
      yield* resumed.say({ ...one, afterVersion: 2 })
      yield* replica.happen(event(1, 4))
      assert.deepStrictEqual(yield* lost.heard, ["subscribed 3 from 3 not resumed", "ASSEMBLED 4"])
      assert.deepStrictEqual(yield* resumed.heard, ["subscribed 3 from 3", "ASSEMBLING 3", "ASSEMBLED 4"])
    })
  )

  test(
    "goes on without a gap on another replica, which hears of the same events later",
    Effect.gen(function*() {
      const first = yield* makeReplica
      const second = yield* makeReplica
      yield* first.happen(event(1, 1))
      const before = yield* first.connect({ as: "ada" })
      yield* before.say({ ...one, afterVersion: 0 })
      yield* first.happen(event(1, 2))
      assert.deepStrictEqual(yield* before.heard, ["subscribed 1", "PENDING 1", "PAID 2"])
      yield* before.end
      yield* first.happen(event(1, 3))
      const after = yield* second.connect({ as: "ada" })
      yield* after.say({ ...one, afterVersion: 2 })
      yield* second.push(event(1, 1), event(1, 2), event(1, 3))
      yield* second.happen(event(1, 4))
      assert.deepStrictEqual(yield* after.heard, ["subscribed 3", "ASSEMBLING 3", "ASSEMBLED 4"])
    })
  )

  test(
    "waits for a version that is missing, and looks for it by itself",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one)
      yield* replica.happen(event(1, 3))
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1"])
      yield* replica.store(event(1, 2))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* client.heard, ["PAID 2", "ASSEMBLING 3"])
      // The other way round: the missing one is pushed after the one behind it.
      yield* replica.happen(event(1, 5))
      yield* replica.happen(event(1, 4))
      assert.deepStrictEqual(yield* client.heard, ["ASSEMBLED 4", "DELIVERING 5"])
    })
  )

  test(
    "sees events of other systems with the versions that the feed gave them",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say({ ...one, afterVersion: 0 })
      yield* replica.happen(foreign(1, 1), foreign(1, 2))
      yield* replica.happen(foreign(1, 3))
      assert.deepStrictEqual(yield* client.heard, ["subscribed 2", "PENDING 1", "PAID 2", "ASSEMBLING 3"])
    })
  )

  test(
    "ends with the socket where the feed goes on behind a version that was left out, and is shown the order when it resumes",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      const other = yield* replica.connect({ as: "ada" })
      yield* client.say(one)
      yield* other.say(mine)
      yield* replica.happen(event(1, 3), event(1, 4))
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(client.closed())
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([client.closed(), other.closed()], [1012, 1012])
      const again = yield* replica.connect({ as: "ada" })
      yield* again.say({ ...one, afterVersion: 1 })
      yield* replica.happen(event(1, 5))
      assert.deepStrictEqual(yield* again.heard, ["subscribed 4 from 3 not resumed", "DELIVERING 5"])
    })
  )

  test(
    "waits for a version that comes late, and as long as it takes for one that nothing is stored behind",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(2, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(mine)
      yield* replica.happen(event(1, 3))
      yield* replica.push(event(2, 3))
      yield* TestClock.adjust("4 seconds")
      yield* replica.store(event(1, 2))
      yield* TestClock.adjust("1 hour")
      yield* replica.store(event(2, 2), event(2, 3))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(client.closed())
      assert.deepStrictEqual((yield* client.heard).slice(1), [
        "PAID 2",
        "ASSEMBLING 3",
        "PAID 2 of 2",
        "ASSEMBLING 3 of 2"
      ])
    })
  )

  test(
    "outlives a database that is away for a while",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(1, 2))
      const client = yield* replica.connect({ as: "ada" })
      const away = Effect.fail(new DatabaseUnavailable({ cause: "away" }))
      yield* replica.during("order", Effect.andThen(replica.during("updates", away), away))
      yield* client.say({ ...one, afterVersion: 1 })
      assert.deepStrictEqual(yield* client.heard, [])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* client.heard, ["subscribed 2", "PAID 2"])
    })
  )

  test(
    "to somebody else's order is refused, also when it was held; staff may",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "bob" })
      yield* client.say(one, { type: "subscribe", orderId: orderId(2) })
      yield* replica.happen(event(2, 1), event(1, 2))
      assert.deepStrictEqual(yield* client.heard, ["error FORBIDDEN", "error FORBIDDEN"])
      assert.strictEqual(replica.listeners(), 0)
      const staff = yield* replica.connect({ as: "staff" })
      yield* staff.say(one)
      assert.deepStrictEqual(yield* staff.heard, ["subscribed 2"])
      const unchecked = yield* replica.connect({ unchecked: true })
      yield* unchecked.say(one)
      assert.deepStrictEqual(yield* unchecked.heard, ["subscribed 2"])
    })
  )

  test(
    "that is ended gets nothing more, nor does one that ends with its socket",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one, { type: "subscribe", orderId: orderId(2) }, mine)
      assert.strictEqual(replica.listeners(), 3)
      yield* client.say({ type: "unsubscribe", orderId: orderId(1) })
      yield* client.say({ type: "unsubscribe", orderId: orderId(2) }, { type: "unsubscribe", scope: "mine" })
      yield* client.heard
      assert.strictEqual(replica.listeners(), 0)
      yield* replica.happen(event(1, 2), event(2, 1))
      assert.deepStrictEqual(yield* client.heard, [])
      yield* client.say(one, mine, { type: "subscribe", orderId: orderId(3) })
      yield* client.end
      assert.strictEqual(replica.listeners(), 0)
    })
  )
})

describe("a subscription to a scope", () => {
  test(
    "shows the newest orders, then all that happens to them and to new ones, and nobody else's",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(2, 1), event(2, 2), event(3, 1, { userId: bob }))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(mine)
      yield* replica.happen(event(4, 1), event(1, 2), event(3, 2, { userId: bob }), event(4, 2))
      assert.deepStrictEqual(yield* client.heard, [
        "subscribed mine 2:2 1:1",
        "PENDING 1 of 4",
        "PAID 2",
        "PAID 2 of 4"
      ])
      yield* replica.push(event(1, 2), event(4, 1))
      assert.deepStrictEqual(yield* client.heard, [])
      // Nothing had to be read but the snapshot.
      assert.strictEqual(replica.reads(), 1)
    })
  )

  test(
    "of all is for staff, of one's own for customers",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(3, 1, { userId: bob }))
      const staff = yield* replica.connect({ as: "staff" })
      yield* staff.say(mine)
      yield* staff.say({ type: "subscribe", scope: "all" })
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say({ type: "subscribe", scope: "all" })
      yield* replica.happen(event(3, 2, { userId: bob }), event(5, 1))
      assert.deepStrictEqual(yield* staff.heard, [
        "error FORBIDDEN",
        "subscribed all 3:1 1:1",
        "PAID 2 of 3",
        "PENDING 1 of 5"
      ])
      assert.deepStrictEqual(yield* client.heard, ["error FORBIDDEN"])
    })
  )

  test(
    "sees the last event of an order that comes while the snapshot is read",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* replica.during("newest", replica.happen(cancelled(1, 2), event(2, 1)))
      yield* client.say(mine)
      assert.deepStrictEqual(yield* client.heard, ["subscribed mine 1:1", "CANCELLED 2", "PENDING 1 of 2"])
    })
  )

  test(
    "resumes each order where `versions` says, in whatever case its id is written",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(...[1, 2, 3].flatMap((n) => [event(n, 1), event(n, 2)]), event(4, 1, { userId: bob }))
      yield* replica.happen(event(5, 1), event(5, 2), event(5, 3, { occurredAt: days(3) }))
      yield* (yield* Feed).purge(days(1), 100)
      yield* replica.happen(event(2, 3))
      const client = yield* replica.connect({ as: "ada" })
      const versions = { [orderId(2).toUpperCase()]: 1, [orderId(3)]: 2, [orderId(5)]: 1, [orderId(4)]: 0 }
      yield* client.say({ ...mine, versions })
      assert.deepStrictEqual(yield* client.heard, [
        "subscribed mine 5:3! 3:2 2:3 1:2",
        "PAID 2 of 2",
        "ASSEMBLING 3 of 2"
      ])
      yield* replica.happen(event(3, 3), event(5, 4))
      assert.deepStrictEqual(yield* client.heard, ["ASSEMBLING 3 of 3", "ASSEMBLED 4 of 5"])
    })
  )

  test(
    "covers orders beyond the 200 newest, resumed or not",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(...Array.range(1, 202).map((n) => event(n, 1)), event(2, 2))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say({ ...mine, versions: { [orderId(2)]: 1 } })
      const [snapshot, ...rest] = yield* client.heard
      assert.strictEqual(snapshot?.split(" ").length, 202)
      assert.deepStrictEqual(rest, ["PAID 2 of 2"])
      yield* replica.happen(event(1, 2), event(2, 3))
      assert.deepStrictEqual(yield* client.heard, ["PAID 2", "ASSEMBLING 3 of 2"])
    })
  )

  test(
    "that is asked for anew while it still waits loses nothing, not even of orders beyond the newest",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(...Array.range(1, 201).map((n) => event(n, 1)))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(mine)
      yield* replica.happen(event(1, 2))
      const go = Latch.makeUnsafe(false)
      yield* replica.during("newest", Effect.andThen(replica.happen(event(1, 3)), go.await))
      yield* client.say(mine)
      yield* client.say(mine)
      yield* go.open
      const events = (yield* client.heard).filter((frame) => !frame.startsWith("subscribed"))
      assert.deepStrictEqual(events, ["PAID 2", "ASSEMBLING 3"])
    })
  )

  test(
    "that is refused leaves the one before it as it is, also while that is worked on",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(1, 2))
      const client = yield* replica.connect({ as: "ada" })
      const go = Latch.makeUnsafe(false)
      yield* replica.during("newest", go.await)
      yield* client.say({ ...mine, versions: { [orderId(1)]: 0 } }, { ...mine, versions: { nonsense: 1 } })
      yield* client.say({ type: "subscribe", scope: "all" })
      yield* go.open
      assert.deepStrictEqual(yield* client.heard, [
        "error INVALID",
        "error FORBIDDEN",
        "subscribed mine 1:2",
        "PENDING 1",
        "PAID 2"
      ])
    })
  )

  test(
    "and one to an order of it send each version once, and stand by themselves",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(one, mine)
      yield* replica.happen(event(1, 2))
      yield* client.say({ type: "unsubscribe", scope: "mine" })
      yield* replica.happen(event(1, 3), event(2, 1))
      yield* client.say(mine, { type: "unsubscribe", orderId: orderId(1) })
      yield* replica.happen(event(1, 4))
      const events = (yield* client.heard).filter((frame) => !frame.includes("subscribed"))
      assert.deepStrictEqual(events, ["PAID 2", "ASSEMBLING 3", "ASSEMBLED 4"])
      assert.strictEqual(replica.listeners(), 1)
    })
  )

  test(
    "takes versions of 200 orders at most, and of orders only",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      const versions = (count: number) => Object.fromEntries(Array.range(1, count).map((n) => [orderId(n), 1]))
      yield* client.say({ ...mine, versions: versions(201) })
      yield* client.say({ ...mine, versions: { nonsense: 1 } })
      yield* client.say({ ...mine, versions: versions(200) })
      assert.deepStrictEqual(yield* client.heard, ["error LIMIT", "error INVALID", "subscribed mine"])
      assert.strictEqual(replica.listeners(), 1)
    })
  )

  test(
    "tells of an order that came after its snapshot from the first version on, whichever it hears of first",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(mine)
      yield* replica.store(event(2, 1))
      yield* replica.happen(event(2, 2))
      assert.deepStrictEqual(yield* client.heard, ["subscribed mine 1:1", "PENDING 1 of 2", "PAID 2 of 2"])
    })
  )

  test(
    "begins with the oldest version that the feed has where it never had the first",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(mine)
      yield* replica.happen(event(1, 4))
      yield* replica.happen(event(1, 5))
      assert.deepStrictEqual(yield* client.heard, ["subscribed mine", "ASSEMBLED 4", "DELIVERING 5"])
    })
  )

  test(
    "begins with what it hears of an order that its snapshot left out",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(...Array.range(1, 201).map((n) => event(n, 1)))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say(mine)
      yield* replica.store(event(1, 2))
      yield* replica.happen(event(1, 3))
      yield* replica.store(event(2, 2), event(202, 1))
      yield* replica.happen(event(2, 3), event(202, 2))
      const events = (yield* client.heard).filter((frame) => !frame.includes("subscribed"))
      assert.deepStrictEqual(events, [
        "ASSEMBLING 3",
        "PAID 2 of 2",
        "ASSEMBLING 3 of 2",
        "PENDING 1 of 202",
        "PAID 2 of 202"
      ])
    })
  )

  test(
    "keeps to the caller: what is ada's does not reach bob",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "bob" })
      yield* client.say({ ...mine, versions: { [orderId(1)]: 0 } })
      yield* replica.happen(event(1, 1, { userId: ada }))
      assert.deepStrictEqual(yield* client.heard, ["subscribed mine"])
    })
  )
})
