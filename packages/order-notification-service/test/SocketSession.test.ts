import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Logger, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Feed } from "../src/Feed.ts"
import { bob, event, orderId } from "./fixtures.ts"
import { assertClosed, makeReplica, MemoryFeed, settled } from "./replica.ts"

const one = { type: "subscribe", orderId: orderId(1) }
const authenticate = (token: string) => ({ type: "authenticate", token })

const test = (behaviour: string, body: Effect.Effect<void, unknown, Feed | Scope.Scope>) =>
  it.effect(behaviour, () => Effect.provide(Effect.scoped(body), MemoryFeed))

describe("a socket's session", () => {
  test(
    "is closed with 1012 when its replica begins to read where others have come to, for it may have missed something",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const early = yield* replica.connect({ as: "ada" })
      yield* early.say(one)
      assert.deepStrictEqual(yield* early.heard, ["subscribed 1"])
      // Another replica stores it and writes down its position; this one begins behind that.
      yield* replica.store(event(1, 2))
      yield* replica.begin
      assertClosed(early, 1012)
      const late = yield* replica.connect({ as: "ada" })
      yield* late.say({ ...one, afterVersion: 1 })
      assert.deepStrictEqual(yield* late.heard, ["subscribed 2", "PAID 2"])
      assert.isUndefined(late.closed())
    })
  )

  test(
    "serves nobody before a token holds; one that does not is an error, and another one may follow",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect()
      yield* client.say(one, { type: "subscribe", scope: "mine" }, { type: "ping" })
      yield* client.say(authenticate("tampered"), one, authenticate("ada"), one)
      assert.deepStrictEqual(yield* client.heard, [
        "error UNAUTHENTICATED",
        "error UNAUTHENTICATED",
        "pong",
        "error UNAUTHENTICATED",
        "error UNAUTHENTICATED",
        "authenticated",
        "subscribed 1"
      ])
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(client.closed())
    })
  )

  test(
    "is closed with 4401 after 10 seconds without a token that holds",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect()
      yield* client.say(authenticate("tampered"), { type: "ping" })
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(client.closed())
      yield* TestClock.adjust("1 second")
      assertClosed(client, 4401)
    })
  )

  test(
    "is closed with 4401 when its token expires, unless a newer one has come; so is one that a header opened",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const expired = yield* replica.connect()
      yield* expired.say(authenticate("ada@0"))
      assert.deepStrictEqual(yield* expired.heard, ["authenticated"])
      yield* TestClock.adjust("1 millis")
      assertClosed(expired, 4401)
      const header = yield* replica.connect({ as: "ada", expiresAt: 60_000 })
      const client = yield* replica.connect()
      yield* client.say(authenticate("ada@60000"))
      yield* TestClock.adjust("59 seconds")
      yield* client.say(authenticate("ada@120000"))
      assert.isUndefined(header.closed())
      yield* TestClock.adjust("30 seconds")
      assertClosed(header, 4401)
      assert.isUndefined(client.closed())
      yield* TestClock.adjust("31 seconds")
      assertClosed(client, 4401)
    })
  )

  test(
    "is closed with 4403 when somebody else authenticates, also where its caller came with the upgrade",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect()
      yield* client.say(authenticate("ada"), authenticate("ada"), authenticate("bob"))
      assertClosed(client, 4403)
      const known = yield* replica.connect({ as: "staff" })
      yield* known.say(authenticate("ada"))
      assertClosed(known, 4403)
    })
  )

  test(
    "whose caller the upgrade request alone can name takes any token as said, and nobody's word for who they are",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(2, 1, { userId: bob }))
      const known = yield* replica.connect({ trusted: true, as: "ada" })
      yield* known.say(authenticate("bob"), one, { type: "subscribe", orderId: orderId(2) })
      assert.deepStrictEqual(yield* known.heard, ["authenticated", "subscribed 1", "error FORBIDDEN"])
      assert.isUndefined(known.closed())
      const unchecked = yield* replica.connect({ trusted: true, unchecked: true })
      yield* unchecked.say(authenticate("tampered"), one)
      assert.deepStrictEqual(yield* unchecked.heard, ["authenticated", "subscribed 1"])
      const unknown = yield* replica.connect({ trusted: true })
      yield* unknown.say(authenticate("ada"), one)
      assert.deepStrictEqual(yield* unknown.heard, ["error UNAUTHENTICATED", "error UNAUTHENTICATED"])
    })
  )

  test(
    "of a user who has enough sockets is refused with LIMIT and closed with 4429",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ full: true })
      yield* client.say(authenticate("ada"))
      assertClosed(client, 4429)
      const known = yield* replica.connect({ full: true, as: "ada" })
      assertClosed(known, 4429)
    })
  )

  test(
    "that ends stops listening and working, and gives its caller's place back, once",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect()
      yield* client.say(authenticate("ada"), one, { type: "subscribe", scope: "mine" })
      yield* client.say({ type: "subscribe", orderId: orderId(9) })
      assert.deepStrictEqual([replica.listeners(), replica.seats()], [3, 1])
      yield* client.end
      yield* client.end
      yield* settled
      assert.deepStrictEqual([replica.listeners(), replica.seats()], [0, 0])
      const reads = replica.reads()
      yield* replica.happen(event(1, 5), event(9, 1))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(replica.reads(), reads)
      assert.isUndefined(client.closed())
    })
  )

  test(
    "is closed with 1012 when something goes wrong that nothing expects, for its client would wait for ever",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect({ as: "ada" })
      yield* replica.during("order", Effect.die("a bug of the test's"))
      yield* client.say(one)
      assertClosed(client, 1012)
    }).pipe(Effect.provide(Logger.layer([])))
  )

  test(
    "is closed with 4429 when it says too much in a second, and not when it takes its time",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada", limits: { messagesPerSecond: 3, subscriptions: 0 } })
      const pings = Array.makeBy(3, () => ({ type: "ping" }))
      yield* client.say(...pings)
      yield* TestClock.adjust("1 second")
      yield* client.say(...pings)
      assert.isUndefined(client.closed())
      yield* client.binary
      assertClosed(client, 4429)
    })
  )

  test(
    "takes all that a client resumes by name at once",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada", limits: { messagesPerSecond: 5, subscriptions: 100 } })
      yield* client.say(...Array.range(1, 100).map((n) => ({ type: "subscribe", orderId: orderId(n) })))
      assert.isUndefined(client.closed())
      yield* client.say(...Array.makeBy(6, () => ({ type: "ping" })))
      assertClosed(client, 4429)
    })
  )

  test(
    "follows so many orders by name, those that it waits for included; more are refused with LIMIT",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(2, 1), event(3, 1))
      const client = yield* replica.connect({ as: "ada", limits: { subscriptions: 2 } })
      const subscribe = (n: number) => client.say({ type: "subscribe", orderId: orderId(n) })
      yield* subscribe(1)
      yield* subscribe(9)
      yield* subscribe(2)
      yield* subscribe(1)
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1", "error LIMIT", "subscribed 1"])
      yield* client.say({ type: "unsubscribe", orderId: orderId(9) })
      yield* subscribe(2)
      yield* subscribe(3)
      assert.deepStrictEqual(yield* client.heard, ["unsubscribed order", "subscribed 1 of 2", "error LIMIT"])
      assert.isUndefined(client.closed())
    })
  )

  test(
    "answers what it cannot read with INVALID, and stays",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      const client = yield* replica.connect({ as: "ada" })
      const malformed = [
        "",
        "{",
        "null",
        "[]",
        "\"ping\"",
        { type: "pong" },
        { type: "subscribe" },
        { type: "subscribe", orderId: "1" },
        { type: "subscribe", scope: "theirs" },
        { ...one, afterVersion: -1 },
        { ...one, afterVersion: 1.5 },
        { type: "authenticate" },
        "\u0000"
      ]
      yield* client.say(...malformed)
      yield* client.binary
      yield* client.say({ type: "ping" })
      assert.deepStrictEqual(yield* client.heard, [...malformed.map(() => "error INVALID"), "error INVALID", "pong"])
      assert.isUndefined(client.closed())
    })
  )

  test(
    "takes frames in order, but lets no subscription wait for another one",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1))
      const client = yield* replica.connect()
      yield* client.say(authenticate("ada"), { type: "subscribe", orderId: orderId(9) }, one)
      assert.deepStrictEqual(yield* client.heard, ["authenticated", "subscribed 1"])
    })
  )

  test(
    "knows an order by its id in either case",
    Effect.gen(function*() {
      const replica = yield* makeReplica
      yield* replica.happen(event(1, 1), event(2, 1, { userId: bob }))
      const client = yield* replica.connect({ as: "ada" })
      yield* client.say({ ...one, orderId: orderId(1).toUpperCase() })
      yield* replica.happen(event(1, 2))
      assert.deepStrictEqual(yield* client.heard, ["subscribed 1", "PAID 2"])
    })
  )
})
