import { assert, describe, it } from "@effect/vitest"
import { Idempotency } from "@g-store/messaging/Idempotency.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { OrderRepository, Overloaded } from "../src/application/OrderRepository.ts"
import { type Answer, Api, pay, place, problemOf } from "./api.ts"
import { ada, bob, orderId } from "./fixtures.ts"
import { MemoryStore } from "./stores.ts"

const App = Api.layer.pipe(Layer.provideMerge(MemoryStore))

const serves = (sentence: string, test: Effect.Effect<void, unknown, Api | OrderRepository>) =>
  it.live(sentence, () => Effect.provide(test, App))

const refused = (answer: Answer, status: number, type: string): string => {
  assert.strictEqual(answer.status, status, JSON.stringify(answer.body))
  const problem = problemOf(answer)
  assert.strictEqual(problem.type, type)
  return problem.detail
}

const list = (answer: Answer, field: string): ReadonlyArray<unknown> => {
  assert.strictEqual(answer.status, 200, JSON.stringify(answer.body))
  const found = Object.entries(answer.body ?? {}).find(([name]) => name === field)?.[1]
  assert.isArray(found)
  return found
}
const idsOf = (answer: Answer) => list(answer, "orders").map((order) => Object(order).id)
const cursorOf = (answer: Answer): string | undefined => Object(answer.body).nextCursor

describe("POST /v1/orders", () => {
  serves(
    "accepts an order and says where it is",
    Effect.gen(function*() {
      const { call } = yield* Api
      const answer = yield* call("POST", "/v1/orders", { as: "ada", body: { amount: 1500, description: "Two books" } })
      assert.strictEqual(answer.status, 201)
      const { orderId: id } = Object(answer.body)
      assert.strictEqual(answer.headers.get("location"), `/api/orders/v1/orders/${id}`)
      assert.isNull(answer.headers.get("idempotent-replayed"))
      const read = yield* call("GET", `/v1/orders/${id}`, { as: "ada" })
      const { createdAt, updatedAt, ...order } = Object(read.body)
      assert.deepStrictEqual(order, {
        id,
        userId: ada,
        amount: 1500,
        status: "PENDING",
        description: "Two books",
        version: 1
      })
      assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.strictEqual(createdAt, updatedAt)
      assert.strictEqual(read.headers.get("etag"), "\"1\"")
    })
  )

  serves(
    "refuses what is no order, naming the place",
    Effect.gen(function*() {
      const { call } = yield* Api
      for (
        const body of [
          {},
          { amount: 0 },
          { amount: 1_000_000_000_001 },
          { amount: 1.5 },
          { amount: "100" },
          { amount: 1, description: "x".repeat(501) },
          { amount: 1, description: "nul \0" },
          { amount: 1, description: "half \ud83e" },
          { amount: 1, description: null },
          [],
          "{",
          "null"
        ]
      ) {
        const detail = refused(yield* call("POST", "/v1/orders", { as: "ada", body }), 400, "request-invalid")
        assert.isNotEmpty(detail)
      }
      assert.deepStrictEqual(idsOf(yield* call("GET", "/v1/orders", { as: "ada" })), [])
    })
  )

  serves(
    "is for customers: 401 for nobody and strangers, 403 for staff",
    Effect.gen(function*() {
      const { call } = yield* Api
      refused(yield* call("POST", "/v1/orders", { body: { amount: 1 } }), 401, "unauthorized")
      refused(yield* call("POST", "/v1/orders", { as: "a stranger", body: { amount: 1 } }), 401, "unauthorized")
      refused(yield* call("POST", "/v1/orders", { as: "staff", body: { amount: 1 } }), 403, "forbidden")
    })
  )

  serves(
    "reads JSON alone, and not too much of it",
    Effect.gen(function*() {
      const { call } = yield* Api
      const text = { "content-type": "text/plain" }
      refused(
        yield* call("POST", "/v1/orders", { as: "ada", body: "{}", headers: text }),
        415,
        "media-type-unsupported"
      )
      const large = { amount: 1, description: "x".repeat(70_000) }
      refused(yield* call("POST", "/v1/orders", { as: "ada", body: large }), 413, "body-too-large")
    })
  )

  serves(
    "gives the first answer again for the same key and body, whoever's turn it is",
    Effect.gen(function*() {
      const { call } = yield* Api
      const create = (as: "ada" | "bob", body: unknown, key = "k") =>
        call("POST", "/v1/orders", { as, body, headers: { "idempotency-key": key } })
      const first = yield* create("ada", { amount: 5, description: "d" })
      const again = yield* create("ada", { description: "d", amount: 5 })
      assert.deepStrictEqual([again.status, again.body], [201, first.body])
      assert.strictEqual(again.headers.get("location"), first.headers.get("location"))
      assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
      assert.isNull(first.headers.get("idempotent-replayed"))
      refused(yield* create("ada", { amount: 6, description: "d" }), 422, "idempotency-key-reused")
      assert.notDeepEqual((yield* create("bob", { amount: 5, description: "d" })).body, first.body)
      assert.notDeepEqual((yield* create("ada", { amount: 5, description: "d" }, "another")).body, first.body)
      assert.lengthOf(idsOf(yield* call("GET", "/v1/orders", { as: "ada" })), 2)
      refused(yield* create("ada", { amount: 5 }, "x".repeat(256)), 400, "request-invalid")
    })
  )

  serves(
    "creates one order for concurrent twins of a key",
    Effect.gen(function*() {
      const { call } = yield* Api
      const answers = yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => call("POST", "/v1/orders", { as: "ada", body: { amount: 5 }, headers: { "idempotency-key": "k" } }),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(new Set(answers.map(({ body }) => Object(body).orderId)), 1)
      assert.lengthOf(answers.filter(({ headers }) => headers.get("idempotent-replayed") === null), 1)
    })
  )
})

describe("GET of one order", () => {
  serves(
    "shows it to its customer and to staff; 403 to others, 404 when there is none",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      for (const path of [`/v1/orders/${id}`, `/v1/orders/${id}/history`]) {
        assert.strictEqual((yield* call("GET", path, { as: "ada" })).status, 200)
        assert.strictEqual((yield* call("GET", path, { as: "staff" })).status, 200)
        refused(yield* call("GET", path, { as: "bob" }), 403, "forbidden")
        refused(yield* call("GET", path), 401, "unauthorized")
      }
      for (const path of [`/v1/orders/${orderId(9)}`, `/v1/orders/${orderId(9)}/history`]) {
        for (const as of ["ada", "staff"] as const) {
          assert.include(refused(yield* call("GET", path, { as }), 404, "order-not-found"), orderId(9))
        }
      }
      refused(yield* call("GET", "/v1/orders/nonsense", { as: "ada" }), 400, "request-invalid")
    })
  )

  serves(
    "takes its id in either case",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      assert.strictEqual(Object((yield* call("GET", `/v1/orders/${id.toUpperCase()}`, { as: "ada" })).body).id, id)
    })
  )

  serves(
    "tells its history, with whose doing each step was",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      yield* pay(id)
      yield* call("PATCH", `/v1/staff/orders/${id}/status`, { as: "staff", body: { status: "ASSEMBLING" } })
      yield* call("POST", `/v1/orders/${id}/cancel`, { as: "ada" })
      const entries = list(yield* call("GET", `/v1/orders/${id}/history`, { as: "ada" }), "entries")
      assert.deepStrictEqual(
        entries.map((entry) => {
          const { occurredAt, ...rest } = Object(entry)
          assert.isString(occurredAt)
          return rest
        }),
        [
          { version: 1, status: "PENDING", actor: { type: "CUSTOMER", id: ada } },
          { version: 2, status: "PAID", actor: { type: "PAYMENT" } },
          { version: 3, status: "ASSEMBLING", actor: { type: "STAFF", id: "staff-key" } },
          { version: 4, status: "CANCELLED", actor: { type: "CUSTOMER", id: ada }, reason: "CHANGED_MIND" }
        ]
      )
      const read = yield* call("GET", `/v1/orders/${id}`, { as: "ada" })
      assert.strictEqual(read.headers.get("etag"), "\"4\"")
      assert.strictEqual(Object(read.body).cancellationReason, "CHANGED_MIND")
    })
  )
})

describe("GET /v1/orders", () => {
  serves(
    "numbers pages of own orders, newest first",
    Effect.gen(function*() {
      const { call } = yield* Api
      const own = yield* Effect.forEach(Array.from({ length: 23 }), () => place("ada"))
      yield* place("bob")
      const newest = own.toReversed()
      const first = yield* call("GET", "/v1/orders", { as: "ada" })
      assert.deepStrictEqual(idsOf(first), newest.slice(0, 20))
      assert.deepInclude(Object(first.body), { page: 1, limit: 20, total: 23 })
      const second = yield* call("GET", "/v1/orders?page=2&limit=10", { as: "ada" })
      assert.deepStrictEqual(idsOf(second), newest.slice(10, 20))
      assert.deepInclude(Object(second.body), { page: 2, limit: 10, total: 23 })
      assert.deepStrictEqual(idsOf(yield* call("GET", "/v1/orders?page=9", { as: "ada" })), [])
    })
  )

  serves(
    "walks by cursor from an empty one to a last page without",
    Effect.gen(function*() {
      const { call } = yield* Api
      const own = yield* Effect.forEach(Array.from({ length: 5 }), () => place("ada"))
      const newest = own.toReversed()
      const first = yield* call("GET", "/v1/orders?cursor=&limit=2", { as: "ada" })
      assert.deepStrictEqual(idsOf(first), newest.slice(0, 2))
      assert.notProperty(Object(first.body), "total")
      yield* place("ada")
      const second = yield* call("GET", `/v1/orders?limit=2&cursor=${cursorOf(first)}`, { as: "ada" })
      assert.deepStrictEqual(idsOf(second), newest.slice(2, 4))
      const last = yield* call("GET", `/v1/orders?limit=2&cursor=${cursorOf(second)}`, { as: "ada" })
      assert.deepStrictEqual(idsOf(last), newest.slice(4))
      assert.deepStrictEqual(Object.keys(Object(last.body)).toSorted(), ["limit", "orders"])
    })
  )

  serves(
    "filters by status, in both forms",
    Effect.gen(function*() {
      const { call } = yield* Api
      const own = yield* Effect.forEach(Array.from({ length: 3 }), () => place("ada"))
      yield* call("POST", `/v1/orders/${own[1]}/cancel`, { as: "ada" })
      const cancelled = yield* call("GET", "/v1/orders?status=CANCELLED", { as: "ada" })
      assert.deepStrictEqual(idsOf(cancelled), [own[1]])
      assert.deepInclude(Object(cancelled.body), { total: 1 })
      assert.deepStrictEqual(
        idsOf(yield* call("GET", "/v1/orders?status=PENDING&cursor=", { as: "ada" })),
        [own[2], own[0]]
      )
    })
  )

  serves(
    "refuses pages, limits, statuses and cursors that are none",
    Effect.gen(function*() {
      const { call } = yield* Api
      for (
        const query of [
          "page=0",
          "page=x",
          "page=1.5",
          "limit=0",
          "limit=101",
          "status=GONE",
          "cursor=abc",
          "cursor=%27",
          "cursor=0191f3a2-7b1c-7000-8000-00000000000"
        ]
      ) refused(yield* call("GET", `/v1/orders?${query}`, { as: "ada" }), 400, "request-invalid")
      refused(yield* call("GET", "/v1/orders"), 401, "unauthorized")
      refused(yield* call("GET", "/v1/orders", { as: "staff" }), 403, "forbidden")
      refused(yield* call("GET", "/v1/orders?cursor=", { as: "staff" }), 403, "forbidden")
    })
  )
})

describe("POST /v1/orders/{id}/cancel", () => {
  serves(
    "cancels an own order, with and without a body",
    Effect.gen(function*() {
      const { call } = yield* Api
      for (const body of [undefined, {}, { cancellationReason: "CHANGED_MIND" }]) {
        const id = yield* place("ada")
        const answer = yield* call("POST", `/v1/orders/${id}/cancel`, { as: "ada", body })
        assert.deepStrictEqual([answer.status, answer.body], [204, undefined])
        assert.strictEqual(Object((yield* call("GET", `/v1/orders/${id}`, { as: "ada" })).body).status, "CANCELLED")
      }
    })
  )

  serves(
    "answers 409 to a second cancel and to one of an issued order",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      yield* call("POST", `/v1/orders/${id}/cancel`, { as: "ada" })
      const again = yield* call("POST", `/v1/orders/${id}/cancel`, { as: "ada" })
      assert.include(refused(again, 409, "transition-not-allowed"), "The order is CANCELLED")
      assert.deepInclude(Object(again.body), { from: "CANCELLED", to: "CANCELLED" })
      const issued = yield* place("ada")
      yield* pay(issued)
      for (const status of ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"]) {
        assert.strictEqual(
          (yield* call("PATCH", `/v1/staff/orders/${issued}/status`, { as: "staff", body: { status } })).status,
          204
        )
      }
      refused(yield* call("POST", `/v1/orders/${issued}/cancel`, { as: "ada" }), 409, "transition-not-allowed")
      const byStaff = { as: "staff" as const, body: { cancellationReason: "OUT_OF_STOCK" } }
      refused(yield* call("POST", `/v1/staff/orders/${issued}/cancel`, byStaff), 409, "transition-not-allowed")
    })
  )

  serves(
    "is for the order's own customer, and for no other reason",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      const path = `/v1/orders/${id}/cancel`
      refused(yield* call("POST", path, { as: "bob" }), 403, "forbidden")
      refused(yield* call("POST", path, { as: "staff" }), 403, "forbidden")
      refused(yield* call("POST", path), 401, "unauthorized")
      refused(yield* call("POST", `/v1/orders/${orderId(9)}/cancel`, { as: "ada" }), 404, "order-not-found")
      const other = { as: "ada" as const, body: { cancellationReason: "OUT_OF_STOCK" } }
      refused(yield* call("POST", path, other), 400, "request-invalid")
      refused(yield* call("POST", "/v1/orders/nonsense/cancel", { as: "ada" }), 400, "request-invalid")
      assert.strictEqual(Object((yield* call("GET", `/v1/orders/${id}`, { as: "ada" })).body).status, "PENDING")
    })
  )

  serves(
    "holds back when If-Match names another version",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      const cancel = (etag: string) =>
        call("POST", `/v1/orders/${id}/cancel`, { as: "ada", headers: { "if-match": etag } })
      const stale = yield* cancel("\"2\"")
      refused(stale, 412, "version-mismatch")
      assert.deepInclude(Object(stale.body), { currentVersion: 1 })
      refused(yield* cancel("\"something-else\""), 412, "version-mismatch")
      refused(yield* cancel("1"), 400, "request-invalid")
      assert.strictEqual((yield* cancel("\"7\", W/\"1\"")).status, 204)
      refused(yield* cancel("\"1\""), 412, "version-mismatch")
      refused(yield* cancel("*"), 409, "transition-not-allowed")
    })
  )

  serves(
    "replays a 204 and a 409, but not a 412",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      const cancel = (key: string, headers = {}) =>
        call("POST", `/v1/orders/${id}/cancel`, { as: "ada", headers: { "idempotency-key": key, ...headers } })
      refused(yield* cancel("k", { "if-match": "\"2\"" }), 412, "version-mismatch")
      assert.strictEqual((yield* cancel("k")).status, 204)
      const again = yield* cancel("k")
      assert.deepStrictEqual([again.status, again.headers.get("idempotent-replayed")], [204, "true"])
      const conflict = yield* cancel("other")
      refused(conflict, 409, "transition-not-allowed")
      const replayed = yield* cancel("other")
      refused(replayed, 409, "transition-not-allowed")
      assert.strictEqual(replayed.headers.get("idempotent-replayed"), "true")
      assert.lengthOf(list(yield* call("GET", `/v1/orders/${id}/history`, { as: "ada" }), "entries"), 2)
      // No body, an empty one and the default spelt out are one request.
      for (const body of [{}, { cancellationReason: "CHANGED_MIND" }]) {
        const spelt = yield* call("POST", `/v1/orders/${id}/cancel`, {
          as: "ada",
          body,
          headers: { "idempotency-key": "k" }
        })
        assert.deepStrictEqual([spelt.status, spelt.headers.get("idempotent-replayed")], [204, "true"])
      }
    })
  )
})

describe("staff", () => {
  serves(
    "list everybody's orders by cursor, by status and by user",
    Effect.gen(function*() {
      const { call } = yield* Api
      const ids = yield* Effect.forEach(["ada", "bob", "ada", "bob", "ada"] as const, (who) => place(who))
      yield* pay(ids[3] ?? orderId(0))
      yield* pay(ids[4] ?? orderId(0))
      const staffList = (query: string) => call("GET", `/v1/staff/orders${query}`, { as: "staff" })
      const first = yield* staffList("?limit=3")
      assert.deepStrictEqual(idsOf(first), ids.toReversed().slice(0, 3))
      const rest = yield* staffList(`?limit=3&cursor=${cursorOf(first)}`)
      assert.deepStrictEqual(idsOf(rest), ids.toReversed().slice(3))
      assert.isUndefined(cursorOf(rest))
      assert.deepStrictEqual(idsOf(yield* staffList("?status=PAID")), [ids[4], ids[3]])
      assert.deepStrictEqual(idsOf(yield* staffList(`?userId=${bob}`)), [ids[3], ids[1]])
      assert.deepStrictEqual(idsOf(yield* staffList(`?userId=${bob.toUpperCase()}&status=PAID&cursor=`)), [ids[3]])
      refused(yield* staffList("?userId=bob"), 400, "request-invalid")
      refused(yield* staffList("?cursor=ff"), 400, "request-invalid")
    })
  )

  serves(
    "move an order one step at a time, and set no other status",
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = yield* place("ada")
      const move = (status: string, headers = {}) =>
        call("PATCH", `/v1/staff/orders/${id}/status`, { as: "staff", body: { status }, headers })
      refused(yield* move("ASSEMBLING"), 409, "transition-not-allowed")
      refused(yield* move("PAID"), 409, "transition-not-allowed")
      refused(yield* move("CANCELLED"), 409, "transition-not-allowed")
      refused(yield* move("PENDING"), 409, "transition-not-allowed")
      refused(yield* move("LOST"), 400, "request-invalid")
      yield* pay(id)
      refused(yield* move("ASSEMBLED"), 409, "transition-not-allowed")
      refused(yield* move("ASSEMBLING", { "if-match": "\"1\"" }), 412, "version-mismatch")
      assert.strictEqual((yield* move("ASSEMBLING", { "if-match": "\"2\"" })).status, 204)
      refused(yield* move("ASSEMBLING"), 409, "transition-not-allowed")
      const keyed = { "idempotency-key": "k" }
      assert.strictEqual((yield* move("ASSEMBLED", keyed)).status, 204)
      assert.strictEqual((yield* move("ASSEMBLED", keyed)).headers.get("idempotent-replayed"), "true")
      refused(yield* move("DELIVERING", keyed), 422, "idempotency-key-reused")
      assert.strictEqual(Object((yield* call("GET", `/v1/orders/${id}`, { as: "staff" })).body).version, 4)
    })
  )

  serves(
    "cancel for the store's reasons",
    Effect.gen(function*() {
      const { call } = yield* Api
      for (const cancellationReason of ["OUT_OF_STOCK", "DELIVERY_UNAVAILABLE"]) {
        const id = yield* place("ada")
        const path = `/v1/staff/orders/${id}/cancel`
        for (const body of [{}, undefined, { cancellationReason: "CHANGED_MIND" }]) {
          refused(yield* call("POST", path, { as: "staff", body }), 400, "request-invalid")
        }
        refused(
          yield* call("POST", path, { as: "staff", body: { cancellationReason }, headers: { "if-match": "\"9\"" } }),
          412,
          "version-mismatch"
        )
        const answer = yield* call("POST", path, { as: "staff", body: { cancellationReason } })
        assert.strictEqual(answer.status, 204)
        const read = yield* call("GET", `/v1/orders/${id}`, { as: "ada" })
        assert.deepInclude(Object(read.body), { status: "CANCELLED", cancellationReason })
      }
    })
  )

  serves(
    "calls are for staff, whether or not there is such an order",
    Effect.gen(function*() {
      const { call } = yield* Api
      for (const id of [yield* place("ada"), orderId(9)]) {
        const calls = [
          ["GET", "/v1/staff/orders", undefined],
          ["PATCH", `/v1/staff/orders/${id}/status`, { status: "ASSEMBLING" }],
          ["POST", `/v1/staff/orders/${id}/cancel`, { cancellationReason: "OUT_OF_STOCK" }]
        ] as const
        for (const [method, path, body] of calls) {
          refused(yield* call(method, path, { as: "ada", body }), 403, "forbidden")
          refused(yield* call(method, path, { body }), 401, "unauthorized")
        }
      }
      const unknown = orderId(9)
      const body = { status: "ASSEMBLING" }
      refused(yield* call("PATCH", `/v1/staff/orders/${unknown}/status`, { as: "staff", body }), 404, "order-not-found")
      const reason = { cancellationReason: "OUT_OF_STOCK" }
      refused(
        yield* call("POST", `/v1/staff/orders/${unknown}/cancel`, { as: "staff", body: reason }),
        404,
        "order-not-found"
      )
    })
  )
})

describe("when the database is away", () => {
  const down = Effect.fail(new DatabaseUnavailable({ cause: new Error("connection refused by 10.0.0.7") }))
  const Down = Layer.mergeAll(
    Layer.mock(OrderRepository, {
      add: () => down,
      update: () => down,
      byId: () => down,
      history: () => down,
      page: () => down,
      slice: () => down
    }),
    Layer.succeed(Idempotency, Idempotency.of({ once: () => down })),
    SecureRandom.layerWebCrypto
  )

  it.live("every call answers 503 with Retry-After, and nothing of the inside", () =>
    Effect.gen(function*() {
      const { call } = yield* Api
      const id = orderId(1)
      const keyed = { "idempotency-key": "k" }
      const calls = [
        ["POST", "/v1/orders", { as: "ada", body: { amount: 1 } }],
        ["GET", "/v1/orders", { as: "ada" }],
        ["GET", "/v1/orders?cursor=", { as: "ada" }],
        ["GET", `/v1/orders/${id}`, { as: "ada" }],
        ["GET", `/v1/orders/${id}/history`, { as: "ada" }],
        ["POST", `/v1/orders/${id}/cancel`, { as: "ada" }],
        ["POST", `/v1/orders/${id}/cancel`, { as: "ada", headers: keyed }],
        ["GET", "/v1/staff/orders", { as: "staff" }],
        ["PATCH", `/v1/staff/orders/${id}/status`, { as: "staff", body: { status: "ISSUED" } }],
        ["POST", `/v1/staff/orders/${id}/cancel`, { as: "staff", body: { cancellationReason: "OUT_OF_STOCK" } }]
      ] as const
      for (const [method, path, options] of calls) {
        const answer = yield* call(method, path, options)
        const detail = refused(answer, 503, "service-unavailable")
        assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/)
        assert.notInclude(detail, "10.0.0.7")
      }
    }).pipe(Effect.provide(Api.layer.pipe(Layer.provide(Down)))))

  it.live("a create beyond what can wait is 503 with Retry-After, and nothing was done", () =>
    Effect.gen(function*() {
      const { call } = yield* Api
      const answer = yield* call("POST", "/v1/orders", { as: "ada", body: { amount: 1 } })
      assert.include(refused(answer, 503, "service-unavailable"), "Nothing was done")
      assert.strictEqual(answer.headers.get("retry-after"), "1")
    }).pipe(Effect.provide(Api.layer.pipe(Layer.provide(Layer.mergeAll(
      Layer.mock(OrderRepository, { add: () => Effect.fail(new Overloaded({ waiting: 500 })) }),
      Layer.succeed(Idempotency, Idempotency.of({ once: () => down })),
      SecureRandom.layerWebCrypto
    ))))))
})
