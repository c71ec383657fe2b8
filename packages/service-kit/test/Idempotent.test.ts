import { assert, describe, it } from "@effect/vitest"
import { UserId } from "@g-store/contracts/Ids.ts"
import { VersionMismatch } from "@g-store/contracts/Problems.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Effect, Fiber, Latch, Ref } from "effect"
import { TestClock } from "effect/testing"
import { bodyHash, idempotencyKeyOf } from "../src/Idempotent.ts"
import { as, inMemory } from "./asking.ts"
import { alice, type Doings, thingsRoutes } from "./things.ts"
import { ThingNotFound, ThingTaken } from "./ThingsApi.ts"

const id = "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10"
const other = "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a11"

/** A store whose creates and drops are counted; each call gives another thing. */
const counting = Effect.gen(function*() {
  const calls = yield* Ref.make(0)
  const count = Ref.updateAndGet(calls, (n) => n + 1)
  const { ask } = yield* inMemory(thingsRoutes({
    create: () => Effect.map(count, (n) => `thing-${n}`),
    drop: () => Effect.asVoid(count)
  }))
  const create = (key: string | undefined, body: unknown = { amount: 5 }, name = "alice") =>
    ask("POST", "/v1/things", {
      headers: as(name, key === undefined ? {} : { "idempotency-key": key }),
      body: typeof body === "string" ? body : JSON.stringify(body)
    })
  return { ask, create, calls: Ref.get(calls) }
})

describe("An idempotency key", () => {
  it.effect("gives the first answer again: status, headers and body, marked as replayed", () =>
    Effect.gen(function*() {
      const { calls, create } = yield* counting
      const first = yield* create("k")
      const again = yield* create("k")
      for (const got of [first, again]) {
        assert.strictEqual(got.status, 201)
        assert.deepStrictEqual(got.body, { id: "thing-1" })
        assert.strictEqual(got.headers.get("location"), "things/thing-1")
        assert.strictEqual(got.headers.get("content-type"), "application/json")
      }
      assert.isNull(first.headers.get("idempotent-replayed"))
      assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
      assert.strictEqual(yield* calls, 1)
    }))

  it.effect("replays an answer without a body as one without a body", () =>
    Effect.gen(function*() {
      const { ask, calls } = yield* counting
      const drop = ask("POST", `/v1/things/${id}/drop`, { headers: as("alice", { "idempotency-key": "k" }) })
      assert.strictEqual((yield* drop).status, 204)
      const again = yield* drop
      assert.deepStrictEqual([again.status, again.text], [204, ""])
      assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
      assert.strictEqual(yield* calls, 1)
    }))

  it.effect("is of one body: the same one in other words is a repeat, another one is 422", () =>
    Effect.gen(function*() {
      const { calls, create } = yield* counting
      yield* create("k", { amount: 5, name: "a" })
      assert.strictEqual((yield* create("k", "{ \"name\":\"a\",\n\"amount\": 5.0, \"unknown\": 1 }")).status, 201)
      const reused = yield* create("k", { amount: 6, name: "a" })
      assert.strictEqual(reused.status, 422)
      assert.strictEqual(reused.body["type"], "urn:g-store:idempotency-key-reused")
      assert.strictEqual(yield* calls, 1)
    }))

  it.effect("is of one caller, method and path; the case of ids in the path is no difference", () =>
    Effect.gen(function*() {
      const { ask, calls, create } = yield* counting
      const drop = (thing: string, name = "alice") =>
        ask("POST", `/v1/things/${thing}/drop`, { headers: as(name, { "idempotency-key": "k" }) })
      yield* create("k")
      yield* create("k", { amount: 5 }, "bob")
      yield* drop(id)
      yield* drop(other)
      yield* drop(id, "staff")
      assert.strictEqual(yield* calls, 5)
      for (const same of [id.toUpperCase(), id.replace("a", "%61"), `${id}/../${id}`.slice(0, 36)]) {
        assert.strictEqual((yield* drop(same)).headers.get("idempotent-replayed"), "true")
      }
      assert.strictEqual(yield* calls, 5)
    }))

  it.effect("is not needed: without one every call counts", () =>
    Effect.gen(function*() {
      const { calls, create } = yield* counting
      const all = yield* Effect.replicateEffect(create(undefined), 3)
      assert.deepStrictEqual(all.map(({ body }) => body["id"]), ["thing-1", "thing-2", "thing-3"])
      assert.strictEqual(yield* calls, 3)
    }))

  it.effect("keeps a 409, which is an answer, and gives its problem again byte for byte", () =>
    Effect.gen(function*() {
      const calls = yield* Ref.make(0)
      const { ask } = yield* inMemory(thingsRoutes({
        create: () =>
          Effect.flatMap(Ref.updateAndGet(calls, (n) => n + 1), (n) =>
            n === 1
              ? Effect.fail(new ThingTaken({ detail: "It is taken.", thing: "t-1", by: "bob" }))
              : Effect.succeed("free now"))
      }))
      const create = ask("POST", "/v1/things", {
        headers: as("alice", { "idempotency-key": "k" }),
        body: "{\"amount\":1}"
      })
      const first = yield* create
      const again = yield* create
      assert.strictEqual(again.text, first.text)
      assert.strictEqual(first.body["traceId"], first.headers.get("x-request-id"))
      assert.notStrictEqual(again.headers.get("x-request-id"), first.headers.get("x-request-id"))
      for (const got of [first, again]) {
        assert.strictEqual(got.status, 409)
        assert.strictEqual(got.headers.get("content-type"), "application/problem+json")
        const { traceId: _traceId, ...body } = got.body
        assert.deepStrictEqual(body, {
          type: "urn:test:thing-taken",
          title: "Thing taken",
          status: 409,
          detail: "It is taken.",
          error: "It is taken.",
          thing: "t-1",
          by: "bob"
        })
      }
      assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
      assert.strictEqual(yield* Ref.get(calls), 1)
    }))

  it.effect("is free again after 404, 412, 500 and 503, which are kept under no key", () =>
    Effect.gen(function*() {
      const endings: ReadonlyArray<ReturnType<Doings["Service"]["drop"]>> = [
        Effect.fail(new ThingNotFound({ detail: "No." })),
        Effect.fail(new VersionMismatch({ detail: "Not 1.", currentVersion: 2 })),
        Effect.die(new Error("a bug")),
        Effect.fail(new DatabaseUnavailable({ cause: "gone" })),
        Effect.void
      ]
      const calls = yield* Ref.make(0)
      const { ask } = yield* inMemory(thingsRoutes({
        drop: () => Effect.flatMap(Ref.getAndUpdate(calls, (n) => n + 1), (n) => endings[n] ?? Effect.void)
      }))
      const drop = ask("POST", `/v1/things/${id}/drop`, { headers: as("alice", { "idempotency-key": "k" }) })
      const statuses = yield* Effect.replicateEffect(Effect.map(drop, ({ status }) => status), 6)
      assert.deepStrictEqual(statuses, [404, 412, 500, 503, 204, 204])
      assert.strictEqual(yield* Ref.get(calls), 5)
    }))

  it.effect("says 503 with Retry-After while the database is away", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(
        thingsRoutes({ create: () => Effect.fail(new DatabaseUnavailable({ cause: "gone" })) })
      )
      for (const headers of [as("alice"), as("alice", { "idempotency-key": "k" })]) {
        const got = yield* ask("POST", "/v1/things", { headers, body: "{\"amount\":1}" })
        assert.strictEqual(got.status, 503)
        assert.strictEqual(got.body["type"], "urn:g-store:service-unavailable")
        assert.strictEqual(got.headers.get("retry-after"), "2")
        assert.notInclude(got.text, "gone")
      }
    }))

  it.effect("makes a concurrent twin wait and replay", () =>
    Effect.gen(function*() {
      const gate = yield* Latch.make()
      const arrived = yield* Latch.make()
      const calls = yield* Ref.make(0)
      const { ask } = yield* inMemory(thingsRoutes({
        create: () =>
          Latch.open(arrived).pipe(
            Effect.andThen(Latch.await(gate)),
            Effect.andThen(Ref.updateAndGet(calls, (n) => n + 1)),
            Effect.map((n) => `thing-${n}`)
          )
      }))
      const create = ask("POST", "/v1/things", {
        headers: as("alice", { "idempotency-key": "k" }),
        body: "{\"amount\":1}"
      })
      const first = yield* Effect.forkChild(create)
      yield* Latch.await(arrived)
      const twin = yield* Effect.forkChild(create)
      yield* Latch.open(gate)
      const answers = [yield* Fiber.join(first), yield* Fiber.join(twin)]
      assert.deepStrictEqual(answers.map(({ body }) => body), [{ id: "thing-1" }, { id: "thing-1" }])
      assert.strictEqual(answers[1]?.headers.get("idempotent-replayed"), "true")
      assert.strictEqual(yield* Ref.get(calls), 1)
    }))

  it.effect("makes a twin wait 5 seconds at most: then 409 with Retry-After", () =>
    Effect.gen(function*() {
      const arrived = yield* Latch.make()
      const { ask } = yield* inMemory(thingsRoutes({
        create: () => Effect.andThen(Latch.open(arrived), Effect.never)
      }))
      const create = ask("POST", "/v1/things", {
        headers: as("alice", { "idempotency-key": "k" }),
        body: "{\"amount\":1}"
      })
      const first = yield* Effect.forkChild(create)
      yield* Latch.await(arrived)
      const twin = yield* Effect.forkChild(create)
      yield* TestClock.adjust("5 seconds").pipe(
        Effect.repeat({ until: () => Effect.sync(() => twin.pollUnsafe() !== undefined) })
      )
      const got = yield* Fiber.join(twin)
      assert.strictEqual(got.status, 409)
      assert.strictEqual(got.body["type"], "urn:g-store:idempotency-key-in-use")
      assert.strictEqual(got.headers.get("retry-after"), "1")
      yield* Fiber.interrupt(first)
    }))
})

describe("The hash of a body", () => {
  it("is of what it says, not of how it is written", () => {
    assert.strictEqual(
      bodyHash({ a: 1, b: { c: [1, { e: 1, d: 2 }] } }),
      bodyHash({ b: { c: [1, { d: 2, e: 1 }] }, a: 1 })
    )
    assert.strictEqual(bodyHash(undefined), bodyHash(null))
    const all = [null, {}, [], { a: 1 }, { a: "1" }, { a: [1] }, { a: null }, { b: 1 }, [1, 2], [2, 1], "a", 1].map(
      bodyHash
    )
    assert.strictEqual(new Set(all).size, all.length)
    assert.match(bodyHash(null), /^[0-9a-f]{64}$/)
  })

  it("goes with caller, method and path into the key", () => {
    const request = {
      endpoint: { method: "POST", path: "/v1/things/:id/drop" },
      params: { id: id.toUpperCase() },
      headers: { "idempotency-key": "k" },
      payload: null
    }
    assert.deepStrictEqual(idempotencyKeyOf(request, { _tag: "Customer", userId: UserId.make(alice) }), {
      scope: `customer:${alice} POST /v1/things/${id}/drop`,
      key: "k",
      hash: bodyHash(null)
    })
    assert.isUndefined(idempotencyKeyOf({ ...request, headers: {} }, { _tag: "Staff", id: "staff-key" }))
  })
})
