import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import { makeUpdateFrames } from "../src/Frames.ts"
import { LiveTail } from "../src/LiveTail.ts"
import { defaultLimits } from "../src/SocketLimits.ts"
import { makeSessions } from "../src/SocketSessions.ts"
import { ada, customer } from "./fixtures.ts"
import { MemoryFeed, settled } from "./replica.ts"

/** The sessions of one replica, and what was said to each and when it was closed. */
const makeRig = Effect.gen(function*() {
  const verified = yield* Deferred.make<void>()
  const sessions = yield* makeSessions({
    limits: defaultLimits,
    updateFrame: makeUpdateFrames(),
    admission: { take: () => true, giveBack: () => {} },
    authenticate: () => Effect.as(Deferred.await(verified), { caller: customer(ada), expiresAt: 1_000_000 })
  }).pipe(Effect.provide(LiveTail.layer))
  const connect = (expiresAt?: number) => {
    const said: Array<string> = []
    const session = sessions.open({
      connection: {
        send: (frame) => void said.push(String(frame)),
        close: (code) => void said.push(`closed with ${code}`)
      },
      ...(expiresAt === undefined ? {} : { caller: customer(ada), expiresAt })
    })
    return { said, session }
  }
  return { connect, verified }
})

describe("the sessions of a replica", () => {
  it.effect("are each closed when their own token expires, whichever began first and whoever left meanwhile", () =>
    Effect.gen(function*() {
      const { connect } = yield* makeRig
      const expiries = [60_000, 30_000, 90_000, 45_000, 90_000]
      const clients = expiries.map((expiresAt) => connect(expiresAt))
      yield* TestClock.adjust("40 seconds")
      clients.push(connect(50_000))
      clients[3]?.session.end()
      const isClosed = () => clients.map(({ said }) => said.length)
      assert.deepStrictEqual(isClosed(), [0, 1, 0, 0, 0, 0])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(isClosed(), [0, 1, 0, 0, 0, 1])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(isClosed(), [1, 1, 0, 0, 0, 1])
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual(isClosed(), [1, 1, 0, 0, 0, 1])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(isClosed(), [1, 1, 1, 0, 1, 1])
      for (const { said } of clients) assert.notInclude(said, "closed with 1012")
    }).pipe(Effect.scoped, Effect.provide(MemoryFeed)))

  it.effect("take frames in order: what comes while a token is checked waits for it", () =>
    Effect.gen(function*() {
      const { connect, verified } = yield* makeRig
      const { said, session } = connect()
      session.receive("{\"type\":\"authenticate\",\"token\":\"ada\"}")
      session.receive("{\"type\":\"ping\"}")
      session.receive("nonsense")
      yield* settled
      assert.deepStrictEqual(said, [])
      yield* Deferred.succeed(verified, undefined)
      yield* settled
      assert.deepStrictEqual(said.slice(0, 2), ["{\"type\":\"authenticated\"}", "{\"type\":\"pong\"}"])
      assert.include(said[2], "INVALID")
    }).pipe(Effect.scoped, Effect.provide(MemoryFeed)))
})
