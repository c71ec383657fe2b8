import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import type { EdgeOptions } from "./Edge.ts"
import { Health } from "./Health.ts"
import { httpServer, type ListenOptions, serve } from "./HttpServer.ts"
import { methodRoutes } from "./MethodRoutes.ts"
import { ProcessMetrics } from "./ProcessMetrics.ts"

const serving = new Set(["ready", "degraded"])

/** `/health/live`, `/health/ready` and `/metrics`: for operators, never reachable through the gateway. */
export const AdminRoutes = Layer.mergeAll(
  HttpRouter.add("GET", "/health/live", HttpServerResponse.jsonUnsafe({ status: "live" })),
  HttpRouter.use((router) =>
    Effect.gen(function*() {
      const { readiness } = yield* Health
      yield* router.add(
        "GET",
        "/health/ready",
        Effect.map(readiness, (state) =>
          serving.has(state.status)
            ? HttpServerResponse.jsonUnsafe(state)
            : HttpServerResponse.jsonUnsafe(
              {
                type: "urn:g-store:service-unavailable",
                title: "Service unavailable",
                detail: `Not ready: ${state.reasons.join("; ")}.`,
                retryAfter: 1,
                ...state,
                state: state.status,
                status: 503
              },
              { status: 503, contentType: "application/problem+json" }
            ))
      )
    })
  ),
  PrometheusMetrics.layerHttp({ path: "/metrics" }),
  methodRoutes(
    new Map([
      ["/health/live", new Set(["GET"])],
      ["/health/ready", new Set(["GET"])],
      ["/metrics", new Set(["GET"])]
    ])
  )
)

/** Nothing is shed there, and checks that come every second are logged at debug. */
export const adminEdge: EdgeOptions = {
  logLevel: "Debug",
  maxInFlight: Number.POSITIVE_INFINITY,
  paths: "There are /health/live, /health/ready and /metrics; the APIs are on another port."
}

/** The admin routes on a port of their own. */
export const adminServer = (options: ListenOptions) =>
  serve(AdminRoutes, adminEdge).pipe(
    Layer.provide(httpServer(options)),
    Layer.merge(ProcessMetrics)
  )
