import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import type { Incoming } from "../src/Connection.ts"
import {
  type OrderUpdate,
  OrderUpdates,
  type Refusal,
  type Snapshot,
  SubscriptionRefused
} from "../src/OrderUpdates.ts"
import { updatesStream } from "../src/updatesStream.ts"
import { fakedTimers, fakeServer } from "./FakeServer.ts"

const A = "0190a3c0-0000-7000-8000-00000000000a"
const B = "0190a3c0-0000-7000-8000-00000000000b"
const at = "2026-01-31T12:00:00.000Z"

const changed = (orderId: string, version: number): Extract<Incoming, { readonly type: "order.status.changed" }> => ({
  type: "order.status.changed",
  data: { orderId, status: version === 1 ? "PENDING" : "PAID", version, occurredAt: at }
})

const following = async () => {
  const server = fakeServer()
  const updates = new OrderUpdates({ url: "ws://store/ws/orders/", token: () => "t", connect: server.connect })
  await vi.advanceTimersByTimeAsync(0)
  server.now.accept()
  return { server, updates }
}

const collecting = () => {
  const seen: Array<string> = []
  const snapshots: Array<ReadonlyArray<Snapshot>> = []
  const refusals: Array<Refusal> = []
  const closed: Array<string | undefined> = []
  const listener = {
    onUpdate: ({ data }: OrderUpdate) => void seen.push(`${data.orderId.at(-1)}${data.version}`),
    onSnapshot: (orders: ReadonlyArray<Snapshot>) => void snapshots.push(orders),
    onRefused: (refusal: Refusal) => void refusals.push(refusal),
    onClosed: (reason: string | undefined) => void closed.push(reason)
  }
  return { closed, listener, refusals, seen, snapshots }
}

const reconnect = async (server: ReturnType<typeof fakeServer>) => {
  server.now.lose()
  await vi.advanceTimersToNextTimerAsync()
  server.now.accept()
}

const snapshotOf = (...orders: ReadonlyArray<readonly [orderId: string, version: number]>): Incoming => ({
  type: "subscribed",
  data: { scope: "mine", orders: orders.map(([orderId, version]) => ({ orderId, status: "PAID", version })) }
})

const standing = (orderId: string, version: number, more: { readonly resumed?: boolean } = {}): Incoming => ({
  type: "subscribed",
  data: { orderId, status: "PAID", version, oldestVersion: 1, ...more }
})

beforeEach(() => void vi.useFakeTimers({ toFake: [...fakedTimers.toFake] }))
afterEach(() => void vi.useRealTimers())

describe("Order updates", () => {
  it("say of each order of a scope whether it was resumed, and go on from the snapshot of one that was not", async () => {
    const { server, updates } = await following()
    const { listener, seen, snapshots } = collecting()
    updates.subscribe({ scope: "mine", versions: { [A]: 2, [B]: 2 } }, listener)
    server.now.say({
      type: "subscribed",
      data: {
        scope: "mine",
        orders: [
          { orderId: A, status: "PAID", version: 7, resumed: false },
          { orderId: B, status: "PAID", version: 4 }
        ]
      }
    })
    assert.deepStrictEqual(snapshots[0]?.map(({ orderId, resumed }) => [orderId, resumed]), [[A, false], [B, true]])
    for (const [order, version] of [[A, 7], [B, 3], [A, 8], [B, 4]] as const) server.now.say(changed(order, version))
    assert.deepStrictEqual(seen, ["b3", "a8", "b4"])
  })

  it("begin anew for a listener that takes another one's place, whatever is still on its way to that one", async () => {
    const { server, updates } = await following()
    const [first, second] = [collecting(), collecting()]
    updates.subscribe({ orderId: A, afterVersion: 1 }, first.listener)
    updates.subscribe({ orderId: A, afterVersion: 0 }, second.listener)
    assert.deepStrictEqual(server.now.heard.slice(-2), [
      { type: "unsubscribe", orderId: A },
      { type: "subscribe", orderId: A, afterVersion: 0 }
    ])
    // Meant for the first one.
    server.now.say(standing(A, 2))
    server.now.say(changed(A, 2))
    server.now.say({ type: "unsubscribed", data: { orderId: A } })
    server.now.say(standing(A, 2))
    for (const version of [1, 2, 3]) server.now.say(changed(A, version))
    assert.deepStrictEqual(first.seen, [])
    assert.deepStrictEqual(second.seen, ["a1", "a2", "a3"])
  })

  it("of what is no order id are refused at once", async () => {
    const { server, updates } = await following()
    const { listener, refusals } = collecting()
    updates.subscribe({ orderId: "1" }, listener)
    assert.deepStrictEqual(refusals.map(({ code }) => code), ["INVALID"])
    assert.strictEqual(server.now.heard.length, 1)
  })

  it("come after the snapshot, each version once, however often it is sent", async () => {
    const { server, updates } = await following()
    const { listener, seen, snapshots } = collecting()
    updates.subscribe({ scope: "mine" }, listener)
    assert.deepStrictEqual(server.now.last(), { type: "subscribe", scope: "mine" })
    server.now.say(snapshotOf([A, 2]))
    for (const version of [1, 2, 3, 3, 2, 4]) server.now.say(changed(A, version))
    assert.deepStrictEqual(seen, ["a3", "a4"])
    assert.deepStrictEqual(snapshots, [[{ orderId: A, status: "PAID", version: 2, resumed: true }]])
  })

  it("go on after a reconnect behind what was seen last, order by order", async () => {
    const { server, updates } = await following()
    const { listener, seen } = collecting()
    updates.subscribe({ scope: "mine", versions: { [B]: 4 } }, listener)
    server.now.say(snapshotOf([A, 1], [B, 4]))
    server.now.say(changed(A, 2))
    await reconnect(server)
    assert.deepStrictEqual(server.now.last(), { type: "subscribe", scope: "mine", versions: { [B]: 4, [A]: 2 } })
    // The server stands further on already; what was missed follows the snapshot.
    server.now.say(snapshotOf([A, 4], [B, 5]))
    for (const frame of [changed(A, 3), changed(B, 5), changed(A, 4)]) server.now.say(frame)
    assert.deepStrictEqual(seen, ["a2", "a3", "b5", "a4"])
  })

  it("resume one order by its version, from the one that the application names", async () => {
    const { server, updates } = await following()
    const { listener, seen } = collecting()
    updates.subscribe({ orderId: A.toUpperCase(), afterVersion: 0 }, listener)
    assert.deepStrictEqual(server.now.last(), { type: "subscribe", orderId: A, afterVersion: 0 })
    server.now.say(standing(A, 2))
    server.now.say(changed(A, 1))
    server.now.say(changed(B, 1))
    server.now.say(changed(A, 2))
    await reconnect(server)
    assert.deepStrictEqual(server.now.last(), { type: "subscribe", orderId: A, afterVersion: 2 })
    assert.deepStrictEqual(seen, ["a1", "a2"])
  })

  it("for one subscription do not pass over what another one still has to come", async () => {
    const { server, updates } = await following()
    const all = collecting()
    const one = collecting()
    updates.subscribe({ scope: "mine" }, all.listener)
    server.now.say(snapshotOf([A, 2]))
    updates.subscribe({ orderId: A, afterVersion: 0 }, one.listener)
    server.now.say(changed(A, 3))
    server.now.say(standing(A, 3))
    for (const version of [1, 2, 3]) server.now.say(changed(A, version))
    assert.deepStrictEqual(one.seen, ["a1", "a2", "a3"])
    assert.deepStrictEqual(all.seen, ["a3"])
  })

  it("begin at the snapshot, which says so, when what was missed is no longer kept", async () => {
    const { server, updates } = await following()
    const { listener, seen, snapshots } = collecting()
    updates.subscribe({ orderId: A, afterVersion: 1 }, listener)
    server.now.say(standing(A, 5, { resumed: false }))
    server.now.say(changed(A, 5))
    server.now.say(changed(A, 6))
    assert.strictEqual(snapshots[0]?.[0]?.resumed, false)
    assert.deepStrictEqual(seen, ["a6"])
  })

  it("name at most 200 orders to resume, and take the others from the snapshot", async () => {
    const { server, updates } = await following()
    const { listener, seen } = collecting()
    const many = Array.from({ length: 201 }, (_, n) => [`${A.slice(0, -4)}${1000 + n}`, 1] as const)
    updates.subscribe({ scope: "mine", versions: Object.fromEntries(many) }, listener)
    const asked = server.now.last()
    assert.strictEqual(
      asked?.type === "subscribe" && "versions" in asked && Object.keys(asked.versions ?? {}).length,
      200
    )
    const [dropped = ""] = many[0] ?? []
    server.now.say(snapshotOf([dropped, 3]))
    server.now.say(changed(dropped, 3))
    server.now.say(changed(dropped, 4))
    assert.deepStrictEqual(seen, ["04"])
  })

  it("stop for a subscription that is refused, and are not asked for again", async () => {
    const { server, updates } = await following()
    const { listener, refusals } = collecting()
    updates.subscribe({ orderId: A }, listener)
    server.now.say({ type: "error", data: { code: "FORBIDDEN", message: "not yours", orderId: A } })
    assert.deepStrictEqual(refusals.map(({ code, message }) => [code, message]), [["FORBIDDEN", "not yours"]])
    await reconnect(server)
    assert.deepStrictEqual(server.now.heard.map(({ type }) => type), ["authenticate"])
  })

  it("end when the application unsubscribes", async () => {
    const { server, updates } = await following()
    const { listener, seen } = collecting()
    const stop = updates.subscribe({ scope: "mine" }, listener)
    server.now.say(snapshotOf())
    stop()
    assert.deepStrictEqual(server.now.last(), { type: "unsubscribe", scope: "mine" })
    server.now.say(changed(A, 1))
    assert.deepStrictEqual(seen, [])
  })

  it("tell every listener when nothing will come any more, later ones too", async () => {
    const { server, updates } = await following()
    const { closed, listener } = collecting()
    updates.subscribe({ scope: "mine" }, listener)
    server.now.lose(4403, "another user")
    updates.subscribe({ orderId: A }, listener)
    assert.deepStrictEqual(closed, ["another user", "another user"])
  })
})

describe("Updates as an iterator", () => {
  it("give every update, also those that came while nobody asked, and unsubscribe when left", async () => {
    const { server, updates } = await following()
    const iterator = updates.updates({ orderId: A, afterVersion: 0 })
    const first = iterator.next()
    server.now.say(standing(A, 2))
    server.now.say(changed(A, 1))
    server.now.say(changed(A, 2))
    assert.strictEqual((await first).value?.data.version, 1)
    assert.strictEqual((await iterator.next()).value?.data.version, 2)
    await iterator.return()
    assert.deepStrictEqual(server.now.last(), { type: "unsubscribe", orderId: A })
  })

  it("throw a refusal", async () => {
    const { server, updates } = await following()
    const next = updates.updates({ orderId: A }).next().then(() => undefined, (error: unknown) => error)
    server.now.say({ type: "error", data: { code: "ORDER_NOT_FOUND", message: "no such order", orderId: A } })
    const error = await next
    assert.instanceOf(error, SubscriptionRefused)
    assert.strictEqual(error instanceof SubscriptionRefused && error.code, "ORDER_NOT_FOUND")
  })

  it("end when the connection is closed", async () => {
    const { updates } = await following()
    const next = updates.updates({ scope: "mine" }).next()
    updates.close()
    assert.deepStrictEqual(await next, { done: true, value: undefined })
  })
})

describe("Updates as a Stream", () => {
  it("give every update and unsubscribe when the stream ends", async () => {
    const { server, updates } = await following()
    const taken = Effect.runFork(
      updatesStream(updates, { orderId: A, afterVersion: 0 }).pipe(Stream.take(2), Stream.runCollect)
    )
    await vi.waitFor(() => assert.strictEqual(server.now.heard.length, 2))
    server.now.say(standing(A, 2))
    server.now.say(changed(A, 1))
    server.now.say(changed(A, 2))
    const got = await Effect.runPromise(Fiber.join(taken))
    assert.deepStrictEqual(got.map(({ data }) => data.version), [1, 2])
    assert.deepStrictEqual(server.now.last(), { type: "unsubscribe", orderId: A })
  })

  it("fail with a refusal, and end with the connection", async () => {
    const { server, updates } = await following()
    const refused = Effect.runFork(Effect.flip(Stream.runDrain(updatesStream(updates, { orderId: A }))))
    const ended = Effect.runFork(Stream.runDrain(updatesStream(updates, { scope: "mine" })))
    await vi.waitFor(() => assert.strictEqual(server.now.heard.length, 3))
    server.now.say({ type: "error", data: { code: "FORBIDDEN", message: "not yours", orderId: A } })
    assert.strictEqual((await Effect.runPromise(Fiber.join(refused))).code, "FORBIDDEN")
    updates.close()
    await Effect.runPromise(Fiber.join(ended))
  })
})
