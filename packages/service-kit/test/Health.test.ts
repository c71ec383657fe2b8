import { assert, describe, it } from "@effect/vitest"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { Effect, Exit, Fiber, Layer, Ref, Scope } from "effect"
import { TestClock } from "effect/testing"
import { adminEdge, AdminRoutes } from "../src/AdminServer.ts"
import { Health, messagingHealth, readyWhile } from "../src/Health.ts"
import { inMemory } from "./asking.ts"

/** The admin routes of a process whose health and delivery a test plays with. */
const admin = Effect.gen(function*() {
  const context = yield* Layer.build(
    messagingHealth.pipe(Layer.provideMerge(Layer.merge(Health.layer, MessagingHealth.layer)))
  )
  const health = yield* Effect.provideContext(Health, context)
  const messaging = yield* Effect.provideContext(MessagingHealth, context)
  const { ask, logged } = yield* inMemory(
    AdminRoutes.pipe(Layer.provide(Layer.succeed(Health, health))),
    adminEdge
  )
  const ready = Effect.map(
    ask("GET", "/health/ready"),
    ({ body, status }) => [status, body["state"] ?? body["status"], body["reasons"]]
  )
  return { ask, health, logged, messaging, ready }
})

describe("/health/ready", () => {
  it.effect("is 503 until everything is built, 200 then, and 503 again once the stop was asked for", () =>
    Effect.gen(function*() {
      const { health, ready } = yield* admin
      assert.deepStrictEqual(yield* ready, [503, "starting", ["the process is starting"]])
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(readyWhile(Layer.empty).pipe(Layer.provide(Layer.succeed(Health, health))), scope)
      assert.deepStrictEqual(yield* ready, [200, "ready", []])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* ready, [503, "stopping", ["the process is stopping"]])
    }))

  it.effect("is 503 while the database is away, and says which", () =>
    Effect.gen(function*() {
      const { ask, health, ready } = yield* admin
      const away = yield* Ref.make(true)
      yield* health.require(
        "database orders",
        Effect.flatMap(Ref.get(away), (now) => now ? Effect.fail("cannot be reached") : Effect.void)
      )
      yield* health.started
      assert.deepStrictEqual(yield* ready, [503, "unready", ["database orders: cannot be reached"]])
      const got = yield* ask("GET", "/health/ready")
      assert.strictEqual(got.headers.get("content-type"), "application/problem+json")
      assert.strictEqual(got.headers.get("retry-after"), "1")
      yield* Ref.set(away, false)
      assert.deepStrictEqual(yield* ready, [200, "ready", []])
    }))

  it.effect("does not hang on a database that does not answer", () =>
    Effect.gen(function*() {
      const { health } = yield* admin
      yield* health.require("database orders", Effect.never)
      yield* health.started
      const asked = yield* Effect.forkChild(health.readiness)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(asked), {
        status: "unready",
        reasons: ["database orders: no answer within 2 seconds"]
      })
    }))

  it.effect("waits for every consumer to have joined its group once, and forgets that no more", () =>
    Effect.gen(function*() {
      const { health, messaging, ready } = yield* admin
      yield* messaging.expect("payments")
      yield* messaging.expect("orders")
      yield* health.started
      yield* messaging.joined("payments")
      assert.deepStrictEqual(yield* ready, [503, "unready", ["a consumer has not joined its group since the start"]])
      yield* messaging.joined("orders")
      assert.deepStrictEqual(yield* ready, [200, "ready", []])
      yield* messaging.report("orders", "left its group")
      assert.deepStrictEqual(yield* ready, [200, "degraded", ["orders: left its group"]])
    }))

  it.effect("stays 200 with the reasons while the broker is away", () =>
    Effect.gen(function*() {
      const { health, messaging, ready } = yield* admin
      yield* health.started
      yield* messaging.report("relay", "the broker does not answer")
      assert.deepStrictEqual(yield* ready, [200, "degraded", ["relay: the broker does not answer"]])
      yield* messaging.report("relay", undefined)
      assert.deepStrictEqual(yield* ready, [200, "ready", []])
    }))
})

describe("The admin routes", () => {
  it.effect("say that the process lives, whatever else is wrong, and log nothing at info", () =>
    Effect.gen(function*() {
      const { ask, logged } = yield* admin
      const live = yield* ask("GET", "/health/live")
      assert.deepStrictEqual([live.status, live.body], [200, { status: "live" }])
      yield* ask("GET", "/metrics")
      assert.deepStrictEqual(yield* logged, [])
    }))

  it.effect("have the metrics in Prometheus' text form, routes as templates", () =>
    Effect.gen(function*() {
      const { ask } = yield* admin
      yield* ask("GET", "/some/path/123")
      const { headers, text } = yield* ask("GET", "/metrics")
      assert.match(headers.get("content-type") ?? "", /^text\/plain/)
      assert.match(text, /http_requests_total\{method="GET",route="other",status="404"\} \d+/)
      assert.notInclude(text, "/some/path")
      assert.include(text, "http_request_duration_seconds_bucket")
    }))

  it.effect("are nothing but those", () =>
    Effect.gen(function*() {
      const { ask } = yield* admin
      const { body, status } = yield* ask("GET", "/openapi.json")
      assert.strictEqual(status, 404)
      assert.include(body["detail"], "There are /health/live, /health/ready and /metrics")
      assert.strictEqual((yield* ask("POST", "/health/live")).status, 405)
    }))
})
