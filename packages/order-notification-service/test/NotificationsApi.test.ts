import { assert, describe, it } from "@effect/vitest"
import { RateLimit } from "@g-store/contracts/Actor.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { authenticationStatic } from "@g-store/service-kit/Authentication.ts"
import { EdgeProblemsLive } from "@g-store/service-kit/EdgeProblems.ts"
import { webHandler } from "@g-store/service-kit/HttpServer.ts"
import { Effect, Layer, Logger, Schema } from "effect"
import { HttpServer } from "effect/http"
import { Feed } from "../src/Feed.ts"
import { NotificationService } from "../src/NotificationService.ts"
import { ada, bob, cancelled, customer, event, orderId, staff } from "./fixtures.ts"
import { MemoryFeed } from "./replica.ts"

const json = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** The service's HTTP side in memory, edge included. */
const makeApi = Effect.gen(function*() {
  const feed = yield* Feed
  const { dispose, handler } = webHandler(
    NotificationService.pipe(
      Layer.provide([
        authenticationStatic({ ada: customer(ada), bob: customer(bob), staff }),
        Layer.succeed(RateLimit, RateLimit.of((effect) => effect)),
        EdgeProblemsLive
      ]),
      Layer.provide([Layer.succeed(Feed, feed), HttpServer.layerServices, Logger.layer([])])
    )
  )
  yield* Effect.addFinalizer(() => Effect.promise(dispose))
  const get = (path: string, as?: string, method = "GET") =>
    Effect.promise(async () => {
      const headers = as === undefined ? {} : { authorization: `Bearer ${as}` }
      const response = await handler(new Request(`http://test${path}`, { method, headers }))
      const text = await response.text()
      const isJson = response.headers.get("content-type")?.includes("json") === true
      return { status: response.status, headers: response.headers, text, body: isJson ? json(text) : {} }
    })
  return { feed, get }
})
const api = Effect.provide(makeApi, MemoryFeed)

const events = (n: number | string, after = "") =>
  `/v1/orders/${typeof n === "number" ? orderId(n) : n}/events${after === "" ? "" : `?afterVersion=${after}`}`

describe("the updates of an order", () => {
  it.live("are the frames of the socket, for its owner and for staff", () =>
    Effect.gen(function*() {
      const { feed, get } = yield* api
      yield* feed.append([event(1, 1), event(1, 2), cancelled(1, 3)])
      const all = yield* get(events(1), "ada")
      assert.strictEqual(all.status, 200)
      const occurredAt = "2026-01-01T00:00:00.000Z"
      const frames = [
        { type: "order.status.changed", data: { orderId: orderId(1), status: "PENDING", version: 1, occurredAt } },
        { type: "order.status.changed", data: { orderId: orderId(1), status: "PAID", version: 2, occurredAt } },
        {
          type: "order.cancelled",
          data: { orderId: orderId(1), reason: "CHANGED_MIND", source: "CUSTOMER", version: 3, occurredAt }
        }
      ]
      assert.deepStrictEqual(all.body, { events: frames })
      assert.deepStrictEqual((yield* get(events(1, "0"), "staff")).body, { events: frames })
      assert.deepStrictEqual((yield* get(events(1, "2"), "ada")).body, { events: frames.slice(2) })
      assert.deepStrictEqual((yield* get(events(1, "3"), "ada")).body, { events: [] })
    }).pipe(Effect.scoped))

  it.live("are refused with 401, 403, 404 or 400, whatever applies", () =>
    Effect.gen(function*() {
      const { feed, get } = yield* api
      yield* feed.append([event(1, 1)])
      const status = (path: string, as?: string) => Effect.map(get(path, as), (answer) => answer.status)
      assert.strictEqual(yield* status(events(1)), 401)
      assert.strictEqual(yield* status(events(1), "tampered"), 401)
      assert.strictEqual(yield* status(events(1), "bob"), 403)
      assert.strictEqual(yield* status(events(2), "ada"), 404)
      assert.strictEqual(yield* status(events(2), "staff"), 404)
      assert.strictEqual(yield* status(events("7"), "ada"), 400)
      assert.strictEqual(yield* status(events(1, "-1"), "ada"), 400)
      const refused = yield* get(events(1), "bob")
      assert.strictEqual(refused.headers.get("content-type"), "application/problem+json")
      assert.strictEqual(refused.body["type"], "urn:g-store:forbidden")
    }).pipe(Effect.scoped))

  it.live("are 503 while the database is away", () =>
    Effect.gen(function*() {
      const away = Effect.fail(new DatabaseUnavailable({ cause: "away" }))
      const { get } = yield* makeApi.pipe(
        Effect.updateService(Feed, (feed) => Feed.of({ ...feed, order: () => away })),
        Effect.provide(MemoryFeed)
      )
      const answer = yield* get(events(1), "ada")
      assert.strictEqual(answer.status, 503)
      assert.isNotNull(answer.headers.get("retry-after"))
    }).pipe(Effect.scoped))
})

describe("the documents", () => {
  it.live("are served as JSON and as pages that ask nobody else", () =>
    Effect.gen(function*() {
      const { get } = yield* api
      assert.strictEqual((yield* get("/openapi.json")).status, 200)
      const document = yield* get("/asyncapi.json")
      assert.strictEqual(document.body["asyncapi"], "3.0.0")
      const page = yield* get("/asyncapi/index.html")
      assert.strictEqual(page.status, 200)
      assert.include(page.headers.get("content-security-policy") ?? "", "default-src 'none'")
      assert.notMatch(page.text, /<script|(src|href)="(https?:)?\/\//)
      for (const shown of ["/ws/orders/", "order.events", "payment.events", "SubscribeScope"]) {
        assert.include(page.text, shown)
      }
      assert.strictEqual((yield* get("/asyncapi")).headers.get("location"), "asyncapi/index.html")
      const wrong = yield* get("/asyncapi.json", undefined, "POST")
      assert.deepStrictEqual([wrong.status, wrong.headers.get("allow")], [405, "GET, HEAD, OPTIONS"])
    }).pipe(Effect.scoped))
})
