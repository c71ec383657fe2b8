import { assert, describe, it } from "@effect/vitest"
import { Transactions } from "@g-store/messaging/Transactions.ts"
import { Array, Effect, Fiber, Latch, type Layer } from "effect"
import { Feed, READ_SIZE, SCOPE_SIZE } from "../src/Feed.ts"
import { ada, at, bob, cancelled, days, event, foreign, orderId } from "./fixtures.ts"

const versions = (n: number, after = 0) =>
  Effect.gen(function*() {
    const updates = yield* (yield* Feed).updates(orderId(n), after)
    return updates.map(({ data }) => data.version)
  })
const statuses = (n: number) =>
  Effect.gen(function*() {
    const updates = yield* (yield* Feed).updates(orderId(n), 0)
    return updates.map((update) => "status" in update.data ? update.data.status : update.data.reason)
  })

/** What every feed promises, whatever it is kept in. */
export const feedContract = <E>(name: string, layer: Layer.Layer<Feed | Transactions, E>) => {
  const test = (behaviour: string, body: Effect.Effect<void, unknown, Feed | Transactions>) =>
    it.live(behaviour, () => Effect.provide(body, layer))

  describe(`the feed on ${name}`, () => {
    test(
      "gives back what happened to an order, in order, after any version",
      Effect.gen(function*() {
        const feed = yield* Feed
        yield* feed.append([event(1, 2), event(2, 1), event(1, 1), cancelled(1, 3)])
        assert.deepStrictEqual(yield* versions(1), [1, 2, 3])
        assert.deepStrictEqual(yield* versions(1, 2), [3])
        assert.deepStrictEqual(yield* versions(1, 3), [])
        assert.deepStrictEqual(yield* statuses(1), ["PENDING", "PAID", "CHANGED_MIND"])
        assert.deepStrictEqual(yield* feed.order(orderId(1)), {
          orderId: orderId(1),
          userId: ada,
          status: "CANCELLED",
          version: 3,
          oldestVersion: 1
        })
        assert.isUndefined(yield* feed.order(orderId(3)))
        const last = yield* feed.versions([orderId(1), orderId(2), orderId(3)])
        assert.deepStrictEqual([...last].toSorted(), [[orderId(1), 3], [orderId(2), 1]])
        const [first] = yield* feed.updates(orderId(1), 0)
        assert.deepStrictEqual(first, {
          type: "order.status.changed",
          data: { orderId: orderId(1), status: "PENDING", version: 1, occurredAt: at }
        })
      })
    )

    test(
      "keeps a version as it was first stored, however often it comes",
      Effect.gen(function*() {
        const feed = yield* Feed
        yield* feed.append([event(1, 1), event(1, 2)])
        yield* feed.append([event(1, 2, { status: "ISSUED" }), event(1, 1), event(1, 3), event(1, 3)])
        yield* feed.append([event(1, 1)])
        assert.deepStrictEqual(yield* statuses(1), ["PENDING", "PAID", "ASSEMBLING"])
        assert.strictEqual((yield* feed.order(orderId(1)))?.status, "ASSEMBLING")
      })
    )

    test(
      "gives events without a version the next ones, in the order of arrival",
      Effect.gen(function*() {
        const feed = yield* Feed
        yield* feed.append([foreign(1, 1), foreign(1, 2), event(2, 1)])
        yield* feed.append([event(2, 2), foreign(2, 3), foreign(1, 3), foreign(2, 4)])
        assert.deepStrictEqual(yield* statuses(1), ["PENDING", "PAID", "ASSEMBLING"])
        assert.deepStrictEqual(yield* statuses(2), ["PENDING", "PAID", "ASSEMBLING", "ASSEMBLED"])
        assert.deepStrictEqual(yield* versions(2), [1, 2, 3, 4])
      })
    )

    test(
      "lets many replicas append the same and other orders at once, in any order, without a deadlock",
      Effect.gen(function*() {
        const feed = yield* Feed
        const orders = Array.range(1, 200)
        // Every replica has the orders in another order, and some bring events to number: of these each counts.
        const replica = (r: number) =>
          Effect.forEach([1, 2, 3], (version) => {
            const turned = [...orders.slice(r * 20), ...orders.slice(0, r * 20)]
            const numbered = (r % 2 === 0 ? turned : turned.toReversed()).map((n) => event(n, version))
            return feed.append(r < 6 ? numbered : [foreign(300 + r, 1), ...numbered, foreign(300 + version, 1)])
          })
        yield* Effect.forEach(Array.range(0, 8), replica, { concurrency: "unbounded" })
        for (const n of [1, 77, 200]) assert.deepStrictEqual(yield* versions(n), [1, 2, 3])
        for (const n of [301, 302, 303, 306, 308]) assert.deepStrictEqual(yield* versions(n), [1, 2, 3])
      })
    )

    test(
      "numbers an event behind what another replica is about to commit",
      Effect.gen(function*() {
        const feed = yield* Feed
        const transactions = yield* Transactions
        yield* feed.append([event(1, 1)])
        const [stored, commit] = [Latch.makeUnsafe(), Latch.makeUnsafe()]
        const other = yield* Effect.forkChild(transactions.run(
          feed.append([event(1, 2)]).pipe(Effect.andThen(stored.open), Effect.andThen(commit.await))
        ))
        yield* stored.await
        const numbering = yield* Effect.forkChild(feed.append([foreign(1, 3)]))
        // Time for it to look at what is committed, where it does not wait.
        yield* Effect.repeat(feed.order(orderId(1)), { times: 10 })
        yield* commit.open
        yield* Effect.all([Fiber.join(other), Fiber.join(numbering)])
        assert.deepStrictEqual(yield* statuses(1), ["PENDING", "PAID", "ASSEMBLING"])
      })
    )

    test(
      "moves positions forward only",
      Effect.gen(function*() {
        const feed = yield* Feed
        assert.isUndefined(yield* feed.position("order.events", 0))
        const at0 = (next: bigint) => feed.advance([{ topic: "order.events", partition: 0, next }])
        yield* at0(7n)
        yield* at0(5n)
        assert.strictEqual(yield* feed.position("order.events", 0), 7n)
        yield* feed.advance([
          { topic: "order.events", partition: 1, next: 2n },
          { topic: "order.events", partition: 0, next: 9n }
        ])
        assert.strictEqual(yield* feed.position("order.events", 0), 9n)
        assert.strictEqual(yield* feed.position("order.events", 1), 2n)
      })
    )

    test(
      "purges old events but an order's last one, and says how far back the rest goes",
      Effect.gen(function*() {
        const feed = yield* Feed
        const old = [1, 2, 3].map((version) => event(1, version))
        yield* feed.append([...old, event(2, 1), event(2, 2, { occurredAt: days(3) }), event(3, 1)])
        assert.strictEqual(yield* feed.purge(days(0), 100), 0)
        assert.strictEqual(yield* feed.purge(days(1), 100), 3)
        assert.strictEqual(yield* feed.purge(days(9), 100), 0)
        assert.deepStrictEqual(yield* versions(1), [3])
        assert.deepStrictEqual(yield* versions(2), [2])
        assert.deepStrictEqual(yield* versions(3), [1])
        const oldest = yield* Effect.forEach([1, 2, 3], (n) => feed.order(orderId(n)))
        assert.deepStrictEqual(oldest.map((order) => order?.oldestVersion), [3, 2, 1])
      })
    )

    test(
      "purges a batch at a time, and no event behind a newer one",
      Effect.gen(function*() {
        const feed = yield* Feed
        yield* feed.append([
          event(1, 1, { occurredAt: days(5) }),
          event(1, 2),
          event(1, 3),
          event(2, 1),
          event(2, 2),
          event(2, 3)
        ])
        assert.strictEqual(yield* feed.purge(days(1), 1), 1)
        assert.strictEqual(yield* feed.purge(days(1), 100), 1)
        assert.deepStrictEqual(yield* versions(1), [1, 2, 3])
        assert.deepStrictEqual(yield* versions(2), [3])
      })
    )

    test(
      "counts back only as far as no version is missing",
      Effect.gen(function*() {
        const feed = yield* Feed
        yield* feed.append([event(1, 1), event(1, 3), event(1, 4)])
        assert.strictEqual((yield* feed.order(orderId(1)))?.oldestVersion, 3)
        yield* feed.append([event(1, 2)])
        assert.strictEqual((yield* feed.order(orderId(1)))?.oldestVersion, 1)
      })
    )

    test(
      "shows the newest orders of a user, or of all",
      Effect.gen(function*() {
        const feed = yield* Feed
        yield* feed.append([event(1, 1), event(2, 1, { userId: bob }), event(3, 1), event(3, 2)])
        const shown = (orders: ReadonlyArray<{ readonly orderId: string; readonly version: number }>) =>
          orders.map((order) => [order.orderId, order.version])
        const mine = { _tag: "Mine", userId: ada } as const
        assert.deepStrictEqual(shown(yield* feed.newest(mine)), [[orderId(3), 2], [orderId(1), 1]])
        assert.deepStrictEqual(shown(yield* feed.newest({ _tag: "All" })), [
          [orderId(3), 2],
          [orderId(2), 1],
          [orderId(1), 1]
        ])
        const ids = [orderId(1), orderId(2), orderId(9)]
        assert.deepStrictEqual(shown(yield* feed.among(mine, ids)), [[orderId(1), 1]])
        assert.strictEqual((yield* feed.among({ _tag: "All" }, ids)).length, 2)
      })
    )

    test(
      "bounds what one read gives",
      Effect.gen(function*() {
        const feed = yield* Feed
        yield* feed.append(Array.range(1, READ_SIZE + 1).map((version) => event(1, version)))
        yield* feed.append(Array.range(1, SCOPE_SIZE + 1).map((n) => event(n + 1, 1)))
        assert.strictEqual((yield* versions(1)).length, READ_SIZE)
        assert.deepStrictEqual(yield* versions(1, READ_SIZE), [READ_SIZE + 1])
        const newest = yield* feed.newest({ _tag: "All" })
        assert.deepStrictEqual([newest.length, newest[0]?.orderId], [SCOPE_SIZE, orderId(SCOPE_SIZE + 2)])
      })
    )
  })
}
