import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Connection, type ConnectionState, type Incoming } from "../src/Connection.ts"
import { fakedTimers, fakeServer, tokenEndingAt } from "./FakeServer.ts"

const connected = (token: () => string | Promise<string> = () => "t") => {
  const server = fakeServer()
  const states: Array<[ConnectionState, string | undefined]> = []
  const frames: Array<Incoming> = []
  const connection = new Connection({
    url: "ws://store/ws/orders/",
    token,
    connect: server.connect,
    onFrame: (frame) => frames.push(frame),
    onReady: () => {},
    onState: (state, reason) => states.push([state, reason])
  })
  return { connection, frames, server, states }
}

/** Once a connection is lost nothing but the next try is waited for. */
const untilNextTry = () => vi.advanceTimersToNextTimerAsync()

beforeEach(() => void vi.useFakeTimers({ toFake: [...fakedTimers.toFake] }))
afterEach(() => void vi.useRealTimers())

describe("A connection", () => {
  it("says who it is first, and is open once the server agrees", async () => {
    const { server, states } = connected(() => "secret")
    await vi.advanceTimersByTimeAsync(0)
    server.now.open()
    assert.deepStrictEqual(server.now.heard, [{ type: "authenticate", token: "secret" }])
    assert.deepStrictEqual(states, [["connecting", undefined]])
    server.now.say({ type: "authenticated" })
    assert.deepStrictEqual(states.at(-1), ["open", undefined])
  })

  it("connects again with a fresh token whenever it is lost, and says why it waits", async () => {
    let asked = 0
    const { server, states } = connected(() => `t${++asked}`)
    await vi.advanceTimersByTimeAsync(0)
    server.now.accept()
    server.now.lose(1012, "going away")
    assert.deepStrictEqual(states.at(-1), ["waiting", "going away"])
    await untilNextTry()
    server.now.open()
    assert.strictEqual(server.sockets.length, 2)
    assert.deepStrictEqual(server.now.heard, [{ type: "authenticate", token: "t2" }])
  })

  it("waits long when it was closed for saying too much", async () => {
    const { server } = connected()
    await vi.advanceTimersByTimeAsync(0)
    server.now.accept()
    server.now.lose(4429, "too many messages")
    await vi.advanceTimersByTimeAsync(7_400)
    assert.strictEqual(server.sockets.length, 1)
    await vi.advanceTimersByTimeAsync(7_700)
    assert.strictEqual(server.sockets.length, 2)
  })

  it("waits longer after each failure, up to 15 seconds", async () => {
    const { server } = connected()
    const waited: Array<number> = []
    await vi.advanceTimersByTimeAsync(0)
    for (let nth = 1; nth <= 9; nth++) {
      server.now.lose()
      const before = Date.now()
      await vi.advanceTimersToNextTimerAsync()
      waited.push(Date.now() - before)
      assert.strictEqual(server.sockets.length, nth + 1)
    }
    for (const [nth, millis] of waited.entries()) {
      const full = Math.min(15_000, 300 * 2 ** nth)
      assert.isAtLeast(millis, full / 2)
      assert.isAtMost(millis, full)
    }
  })

  it("does not begin with short delays again when connections end as soon as they stand", async () => {
    const { server } = connected()
    await vi.advanceTimersByTimeAsync(0)
    for (let nth = 1; nth <= 6; nth++) {
      server.now.accept()
      server.now.lose(4429, "too many messages")
      await untilNextTry()
    }
    server.now.accept()
    server.now.lose(4429, "too many messages")
    const before = Date.now()
    await vi.advanceTimersToNextTimerAsync()
    assert.isAtLeast(Date.now() - before, 7_500)
  })

  it("tries again when no token is to be had, with the reason", async () => {
    let works = false
    const { server, states } = connected(() => works ? "t" : Promise.reject(new Error("no token today")))
    await vi.advanceTimersByTimeAsync(0)
    assert.deepStrictEqual(states.at(-1), ["waiting", "no token today"])
    works = true
    await untilNextTry()
    server.now.accept()
    assert.deepStrictEqual(states.at(-1), ["open", undefined])
  })

  it("takes a fresh socket when its token is refused", async () => {
    const { server } = connected()
    await vi.advanceTimersByTimeAsync(0)
    server.now.open()
    server.now.say({ type: "error", data: { code: "UNAUTHENTICATED", message: "expired" } })
    assert.strictEqual(server.now.closedWith, 4000)
    server.now.lose(4000, "expired")
    await untilNextTry()
    assert.strictEqual(server.sockets.length, 2)
  })

  it("stops for good when the server says 4403: the socket is somebody else's", async () => {
    const { server, states } = connected()
    await vi.advanceTimersByTimeAsync(0)
    server.now.accept()
    server.now.lose(4403, "another user")
    assert.deepStrictEqual(states.at(-1), ["closed", "another user"])
    await vi.advanceTimersByTimeAsync(3_600_000)
    assert.strictEqual(server.sockets.length, 1)
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("re-authenticates on the open socket shortly before its token ends", async () => {
    const start = Date.now()
    let asked = 0
    const { server, states } = connected(() => tokenEndingAt(start + ++asked * 3_600_000))
    await vi.advanceTimersByTimeAsync(0)
    server.now.accept()
    server.now.answersPings = true
    await vi.advanceTimersByTimeAsync(59 * 60_000)
    const renewals = () => server.now.heard.filter(({ type }) => type === "authenticate").length
    assert.strictEqual(renewals(), 1)
    await vi.advanceTimersByTimeAsync(31_000)
    assert.strictEqual(renewals(), 2)
    assert.deepStrictEqual(states.at(-1), ["open", undefined])
    assert.strictEqual(server.sockets.length, 1)
  })

  it("gives up a server that answers no ping, without waiting for its goodbye", async () => {
    const { server, states } = connected()
    await vi.advanceTimersByTimeAsync(0)
    server.now.accept()
    await vi.advanceTimersByTimeAsync(25_000)
    assert.deepStrictEqual(server.now.last(), { type: "ping" })
    server.now.say({ type: "pong" })
    await vi.advanceTimersByTimeAsync(34_000)
    assert.deepStrictEqual(states.at(-1), ["open", undefined])
    await vi.advanceTimersByTimeAsync(2_000)
    assert.isAbove(states.findIndex(([state]) => state === "waiting"), 0)
  })

  it("gives up an address that never answers at all", async () => {
    const { server, states } = connected()
    await vi.advanceTimersByTimeAsync(10_000)
    assert.deepStrictEqual(states.at(-1), ["waiting", "no answer"])
    await untilNextTry()
    assert.isAtLeast(server.sockets.length, 2)
  })

  it("gives up a server that does not speak JSON", async () => {
    const { server, states } = connected()
    await vi.advanceTimersByTimeAsync(0)
    server.now.open()
    server.now.sayRaw("<html>")
    assert.deepStrictEqual(states.at(-1), ["waiting", "the answer is not JSON"])
  })
})
