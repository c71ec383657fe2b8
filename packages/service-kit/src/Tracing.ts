import { Effect, Layer, Option } from "effect"
import { FetchHttpClient, HttpMiddleware } from "effect/http"
import { OtlpSerialization, OtlpTracer } from "effect/observability"
import { otlpEndpoint } from "./ServiceConfig.ts"

/** What a monitor asks for every few seconds would drown everything else. */
const unobserved = ["/health/live", "/health/ready", "/metrics"]

/**
 * Spans to OTEL_EXPORTER_OTLP_ENDPOINT, where it is set. Without it there is no tracer and no cost; trace ids are in logs,
 * messages and answers all the same. Provide it outermost, so that what was done last is sent before the process ends.
 */
export const tracing = (service: string) =>
  Layer.unwrap(Effect.map(
    otlpEndpoint,
    Option.match({
      onNone: () => Layer.empty,
      onSome: (endpoint) =>
        Layer.merge(
          OtlpTracer.layer({
            url: `${endpoint.replace(/\/+$/, "")}/v1/traces`,
            resource: { serviceName: service },
            exportInterval: "5 seconds"
          }).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer])),
          HttpMiddleware.layerTracerDisabledForUrls(unobserved)
        )
    })
  ))
