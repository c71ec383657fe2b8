import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, type Scope } from "effect"
import { counterReaches, makeEdge, open, ORIGIN, raw } from "./edge.ts"
import { ada, event, orderId } from "./fixtures.ts"

const one = { type: "subscribe", orderId: orderId(1) }
const asAda = { protocols: ["g-store.v1", "bearer.ada"] }

const test = (behaviour: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(behaviour, () => Effect.scoped(body))

describe("the socket's edge", () => {
  test(
    "lets no foreign page in, but our own ones and clients that are no pages",
    Effect.gen(function*() {
      const { url } = yield* makeEdge()
      const status = (origin?: string) =>
        Effect.flatMap(open(url, origin === undefined ? {} : { origin }), ({ opened }) => opened)
      assert.strictEqual(yield* status("https://elsewhere.example"), 403)
      assert.strictEqual(yield* status("null"), 403)
      assert.strictEqual(yield* status(ORIGIN), 101)
      assert.strictEqual(yield* status(), 101)
    })
  )

  test(
    "refuses with a whole problem, and keeps no connection of one who will not close it",
    Effect.gen(function*() {
      const edge = yield* makeEdge()
      const trace = "0af7651916cd43dd8448eb211c80319c"
      const foreign = yield* raw(edge.url, {
        origin: "https://elsewhere.example",
        traceparent: `00-${trace}-b7ad6b7169203331-01`
      })
      assert.strictEqual(foreign.status, 403)
      assert.strictEqual(foreign.headers["content-type"], "application/problem+json")
      const { detail, ...problem } = foreign.body
      assert.deepStrictEqual(problem, {
        type: "urn:g-store:forbidden",
        title: "Forbidden",
        status: 403,
        error: detail,
        traceId: trace
      })
      assert.include(String(detail), "https://elsewhere.example")
      const unauthorized = yield* raw(edge.url, { authorization: "Bearer tampered" })
      assert.strictEqual(unauthorized.headers["www-authenticate"], "Bearer realm=\"g-store\"")
      assert.match(String(unauthorized.body["traceId"]), /^[0-9a-f]{32}$/)
      const malformed = yield* raw(edge.url, { "sec-websocket-key": "short" })
      assert.deepStrictEqual([malformed.status, malformed.body["type"]], [400, "urn:g-store:request-invalid"])
      yield* Effect.repeat(Effect.delay(edge.connections, "5 millis"), { until: (count) => count === 0 })
    })
  )

  test(
    "authenticates by subprotocol and picks its own one; frames may follow at once",
    Effect.gen(function*() {
      const edge = yield* makeEdge()
      yield* edge.happen(event(1, 1))
      const client = yield* open(edge.url, asAda)
      yield* client.opened
      yield* client.say(one)
      assert.strictEqual(client.socket.protocol, "g-store.v1")
      assert.strictEqual((yield* client.heard).type, "authenticated")
      assert.strictEqual((yield* client.heard).type, "subscribed")
      yield* edge.happen(event(1, 2))
      assert.deepStrictEqual(yield* client.heard, {
        type: "order.status.changed",
        data: { orderId: orderId(1), status: "PAID", version: 2, occurredAt: "2026-01-01T00:00:00.000Z" }
      })
      const tampered = yield* open(edge.url, { protocols: ["g-store.v1", "bearer.tampered"] })
      const answer = yield* tampered.heard
      assert.deepStrictEqual([answer.type, answer.data?.["code"]], ["error", "UNAUTHENTICATED"])
    })
  )

  test(
    "takes credentials of the upgrade request's headers, and refuses those that do not hold with 401",
    Effect.gen(function*() {
      const edge = yield* makeEdge()
      yield* edge.happen(event(1, 1))
      const staff = yield* open(edge.url, { headers: { "x-staff-api-key": "staff-key-of-the-test" } })
      yield* staff.opened
      yield* staff.say({ type: "subscribe", scope: "all" })
      assert.strictEqual((yield* staff.heard).type, "subscribed")
      const bearer = yield* open(edge.url, { headers: { authorization: "Bearer ada" } })
      yield* bearer.opened
      yield* bearer.say(one)
      assert.strictEqual((yield* bearer.heard).type, "subscribed")
      const expired = yield* open(edge.url, { headers: { authorization: "Bearer ada@0" } })
      assert.strictEqual(yield* expired.closed, 4401)
      for (
        const headers of [{ authorization: "Bearer tampered" }, { authorization: "ada" }, { "x-staff-api-key": "no" }]
      ) {
        const refused = yield* open(edge.url, { headers })
        assert.strictEqual(yield* refused.opened, 401)
      }
    })
  )

  test(
    "believes X-User-ID in trusted-header mode only, and there serves who sends none only in development",
    Effect.gen(function*() {
      const trusted = { AUTH_MODE: "trusted-header" }
      const edge = yield* makeEdge({ env: trusted })
      yield* edge.happen(event(1, 1))
      const answer = (url: string, headers: Record<string, string>) =>
        Effect.gen(function*() {
          const client = yield* open(url, { headers })
          yield* client.opened
          yield* client.say(one)
          const { data, type } = yield* client.heard
          return type === "error" ? data?.["code"] : type
        })
      assert.strictEqual(yield* answer(edge.url, { "x-user-id": ada }), "subscribed")
      assert.strictEqual(yield* answer(edge.url, { "x-user-id": orderId(5) }), "FORBIDDEN")
      assert.strictEqual(yield* answer(edge.url, {}), "subscribed")
      const gateway = yield* makeEdge({ env: trusted, passUserId: false })
      yield* gateway.happen(event(1, 1))
      assert.strictEqual(yield* answer(gateway.url, { "x-user-id": orderId(5) }), "subscribed")
      const jwt = yield* makeEdge()
      yield* jwt.happen(event(1, 1))
      assert.strictEqual(yield* answer(jwt.url, { "x-user-id": ada }), "UNAUTHENTICATED")
      const production = yield* makeEdge({
        env: { ...trusted, GSTORE_ENV: "production", TRUSTED_PROXIES: "127.0.0.0/8" }
      })
      const nobody = yield* open(production.url, asAda)
      assert.strictEqual(yield* nobody.opened, 401)
      const named = yield* open(production.url, {
        protocols: ["g-store.v1", "bearer.bob"],
        headers: { "x-user-id": ada }
      })
      assert.strictEqual((yield* named.heard).type, "authenticated")
    })
  )

  test(
    "closes a frame over 16 KiB with 1009, and answers one that is binary with INVALID",
    Effect.gen(function*() {
      const { url } = yield* makeEdge()
      const client = yield* open(url)
      yield* client.opened
      client.socket.send(Buffer.from("{\"type\":\"ping\"}"))
      assert.strictEqual((yield* client.heard).data?.["code"], "INVALID")
      client.socket.send("x".repeat(16 * 1024))
      assert.strictEqual((yield* client.heard).data?.["code"], "INVALID")
      client.socket.send("x".repeat(16 * 1024 + 1))
      assert.strictEqual(yield* client.closed, 1009)
    })
  )

  test(
    "closes who does not answer pings with 4408, and not who does",
    Effect.gen(function*() {
      const { url } = yield* makeEdge({ limits: { pingMillis: 100 } })
      const lively = yield* open(url)
      const dead = yield* open(url)
      dead.socket.pong = () => {}
      yield* lively.opened
      assert.strictEqual(yield* dead.closed, 4408)
      yield* lively.say({ type: "ping" })
      assert.strictEqual((yield* lively.heard).type, "pong")
    })
  )

  test(
    "closes who floods it with pings with 4429",
    Effect.gen(function*() {
      const { url } = yield* makeEdge({ limits: { pingMillis: 1_000, messagesPerSecond: 10 } })
      const [lively, flooding] = yield* Effect.all([open(url, asAda), open(url, asAda)])
      yield* Effect.all([lively.heard, flooding.heard])
      for (let nth = 0; nth < 10; nth++) lively.socket.ping()
      for (let nth = 0; nth < 31; nth++) flooding.socket.ping()
      assert.strictEqual(yield* flooding.closed, 4429)
      yield* lively.say({ type: "ping" })
      assert.strictEqual((yield* lively.heard).type, "pong")
    })
  )

  test(
    "closes who does not read with 1013, while others get everything",
    Effect.gen(function*() {
      const edge = yield* makeEdge({ limits: { closeMillis: 20_000 } })
      yield* edge.happen(event(1, 1))
      const [stalled, reader] = yield* Effect.all([open(edge.url, asAda), open(edge.url, asAda)])
      for (const client of [stalled, reader]) {
        yield* client.opened
        yield* client.say(one)
        yield* client.until(() => client.frames.some((frame) => frame.type === "subscribed"))
      }
      stalled.socket.pause()
      let version = 1
      const more = Effect.gen(function*() {
        const from = version + 1
        version += 1_000
        yield* edge.push(...Array.range(from, version).map((next) => event(1, next)))
        yield* reader.until(() => reader.frames.at(-1)?.data?.["version"] === version)
      })
      yield* Effect.raceFirst(Effect.forever(more), counterReaches("websocket_slow_consumers_total", 1))
      stalled.socket.resume()
      assert.strictEqual(yield* stalled.closed, 1013)
      yield* more
      const seen = reader.frames.flatMap(({ data, type }) => type === "order.status.changed" ? [data?.["version"]] : [])
      assert.deepStrictEqual(seen, Array.range(2, version))
    })
  )

  test(
    "closes with 1012 when it stops, and is gone then",
    Effect.gen(function*() {
      const edge = yield* makeEdge()
      const clients = yield* Effect.forEach([1, 2, 3], () => open(edge.url, asAda))
      yield* Effect.forEach(clients, (client) => client.heard)
      yield* edge.stop
      for (const client of clients) assert.strictEqual(yield* client.closed, 1012)
      const late = yield* open(edge.url)
      assert.strictEqual(yield* late.closed, 1006)
    })
  )

  test(
    "bounds the sockets of a user with LIMIT and 4429, and of the replica with 503; closed ones do not count",
    Effect.gen(function*() {
      const { url } = yield* makeEdge({ limits: { connectionsPerUser: 2, connections: 3 } })
      const first = yield* open(url, asAda)
      const second = yield* open(url, asAda)
      yield* Effect.all([first.heard, second.heard])
      const third = yield* open(url, asAda)
      assert.strictEqual((yield* third.heard).data?.["code"], "LIMIT")
      assert.strictEqual(yield* third.closed, 4429)
      first.socket.close()
      yield* first.closed
      const fourth = yield* open(url, asAda)
      assert.strictEqual((yield* fourth.heard).type, "authenticated")
      const other = yield* open(url)
      yield* other.opened
      const refused = yield* open(url)
      assert.strictEqual(yield* refused.opened, 503)
    })
  )

  test(
    "keeps nothing of 1000 sockets that come and go",
    Effect.gen(function*() {
      const edge = yield* makeEdge({ limits: { connectionsPerUser: 20 } })
      yield* edge.happen(event(1, 1))
      const visit = Effect.scoped(Effect.gen(function*() {
        const client = yield* open(edge.url, asAda)
        yield* client.opened
        yield* client.say(one)
        yield* client.say({ type: "subscribe", orderId: orderId(9) })
        assert.strictEqual((yield* client.heard).type, "authenticated")
        assert.strictEqual((yield* client.heard).type, "subscribed")
        client.socket.close()
        yield* client.closed
      }))
      yield* Effect.forEach(Array.range(1, 1_000), () => visit, { concurrency: 10, discard: true })
      yield* Effect.repeat(Effect.delay(edge.connections, "5 millis"), { until: (count) => count === 0 })
      assert.strictEqual(edge.listeners(), 0)
    })
  )
})
