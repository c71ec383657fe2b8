import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Health, readyWhile } from "../src/Health.ts"
import { httpServer, serve } from "../src/HttpServer.ts"
import { shutdownDelay } from "../src/ServiceConfig.ts"
import { configLine } from "../src/Variable.ts"
import { env } from "./asking.ts"
import { dial } from "./sockets.ts"

const delayOf = (variables: Record<string, string>) =>
  Effect.gen(function*() {
    return Duration.toMillis(yield* shutdownDelay)
  }).pipe(Effect.provide(env(variables)))

const request = "GET /here HTTP/1.1\r\nHost: here\r\n\r\n"

describe("A service that is told to stop", () => {
  it.effect("is unready at once, but answers new requests for SHUTDOWN_DELAY more, and closes their connections", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const routes = HttpRouter.add("GET", "/here", HttpServerResponse.text("still here"))
      const context = yield* Layer.buildWithScope(
        readyWhile(
          serve(routes).pipe(Layer.provideMerge(httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" })))
        ).pipe(
          Layer.provideMerge(Health.layer),
          Layer.provide([env({ SHUTDOWN_DELAY: "3s" }), Logger.layer([])])
        ),
        scope
      )
      const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
      const { readiness } = yield* Effect.provideContext(Health, context)
      const port = "port" in address ? address.port : 0

      const open = yield* dial(port)
      yield* open.send(request)
      assert.notMatch(yield* open.received((text) => text.includes("still here")), /connection: close/i)

      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.strictEqual((yield* readiness).status, "stopping")
      const late = yield* dial(port)
      for (const wire of [open, late]) {
        yield* wire.send(request)
        const answers = yield* wire.closed
        assert.match(
          answers.slice(answers.lastIndexOf("HTTP/1.1")),
          /^HTTP\/1\.1 200 [^]*connection: close[^]*still here/i
        )
      }

      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(stopping)
      const refused = yield* Effect.exit(Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/here`)))
      assert.isTrue(Exit.isFailure(refused))
    }))

  it.effect("waits 3 seconds on Kafka and not at all in one process, unless it is told otherwise", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* delayOf({}), 0)
      assert.strictEqual(yield* delayOf({ KAFKA_BROKERS: "kafka:9092" }), 3000)
      assert.strictEqual(yield* delayOf({ KAFKA_BROKERS: "kafka:9092", SHUTDOWN_DELAY: "500ms" }), 500)
    }))

  it.effect("refuses a delay that leaves no time to stop", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(delayOf({ SHUTDOWN_DELAY: "8s" }))
      assert.strictEqual(
        configLine(error),
        "SHUTDOWN_DELAY: expected at most 7s, found 8s: a stop must be over within 10 s"
      )
    }))
})
