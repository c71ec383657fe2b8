import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, Scope } from "effect"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import { httpServer, serve } from "../src/HttpServer.ts"
import { tracing } from "../src/Tracing.ts"
import { env } from "./asking.ts"
import { thingsRoutes } from "./things.ts"

/** A collector that keeps what it is sent. */
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly received: Array<string>; readonly close: () => void }>((resume) => {
    const received: Array<string> = []
    const server = createServer((request, response) => {
      let body = ""
      request.on("data", (chunk) => (body += chunk))
      request.on("end", () => {
        received.push(`${request.url} ${body}`)
        response.end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}/`, received, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** Serves with tracing, asks with `traceparent`, stops; gives the answer's trace headers. */
const asked = (variables: Record<string, string>, traceparent: string) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(
      serve(thingsRoutes(), { maxInFlight: 10 }).pipe(
        Layer.provideMerge(httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" })),
        Layer.provide(tracing("order-service")),
        Layer.provide([env(variables), Logger.layer([])])
      ),
      scope
    )
    const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
    const url = `http://127.0.0.1:${"port" in address ? address.port : 0}/v1/things`
    const response = yield* Effect.promise(() =>
      fetch(url, { headers: { authorization: "Bearer alice", traceparent } })
    )
    yield* Scope.close(scope, Exit.void)
    return { id: response.headers.get("x-request-id"), traceparent: response.headers.get("traceparent") }
  })

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
const PARENT = "00f067aa0ba902b7"

describe("OTEL_EXPORTER_OTLP_ENDPOINT", () => {
  it.live("gets a span of each request, in the caller's trace, before the process ends; the answer names that span", () =>
    Effect.gen(function*() {
      const { received, url } = yield* collector
      const answer = yield* asked({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, `00-${TRACE}-${PARENT}-01`)
      const sent = received.join("\n")
      assert.match(sent, /^\/v1\/traces /)
      assert.include(sent, "order-service")
      assert.include(sent, `"traceId":"${TRACE}"`)
      assert.include(sent, `"parentSpanId":"${PARENT}"`)
      assert.strictEqual(answer.id, TRACE)
      assert.include(sent, `"spanId":"${answer.traceparent?.slice(36, 52)}"`)
    }).pipe(Effect.scoped))

  it.live("that is unset changes nothing about the trace ids", () =>
    Effect.gen(function*() {
      const answer = yield* asked({}, `00-${TRACE}-${PARENT}-01`)
      assert.strictEqual(answer.id, TRACE)
    }))
})
