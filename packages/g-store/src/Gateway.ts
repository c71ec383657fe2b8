import { corsOrigins } from "@g-store/service-kit/CorsOrigins.ts"
import { environment } from "@g-store/service-kit/ServiceConfig.ts"
import { refuse, variable } from "@g-store/service-kit/Variable.ts"
import { Config, Effect, Layer, Schema } from "effect"
import { Headers, HttpMiddleware, HttpRouter, HttpServerRequest } from "effect/http"

const EXPOSED = ["ETag", "Location", "Retry-After", "Idempotent-Replayed"]

/**
 * The gateway's alone: services behind it answer no preflight. An OPTIONS without an Origin is none; the services answer
 * it with what the path takes.
 */
export const cors = HttpRouter.middleware(
  Effect.map(corsOrigins, (allowedOrigins) => {
    const shared = HttpMiddleware.cors({
      allowedOrigins,
      allowedMethods: ["GET", "POST", "PATCH"],
      exposedHeaders: EXPOSED,
      maxAge: 600
    })
    return (effect) => {
      const answered = shared(effect)
      return Effect.flatMap(
        HttpServerRequest.HttpServerRequest,
        ({ headers, method }) => method === "OPTIONS" && headers["origin"] === undefined ? effect : answered
      )
    }
  }),
  { global: true }
)

/** CORS for answers that no route gives: without it a page could not read that it is to come again. */
export const corsOfShed = (allowedOrigins: ReadonlyArray<string>) => (origin: string | undefined) =>
  origin !== undefined && allowedOrigins.includes(origin)
    ? {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": EXPOSED.join(","),
      vary: "Origin"
    }
    : {}

/**
 * Puts a service's routes under a prefix, as nginx does in front of containers, and its name on their log lines. No
 * request is copied or sent on.
 */
export const mounted = (prefix: `/${string}`, name: string) => <A, E, R>(service: Layer.Layer<A, E, R>) =>
  service.pipe(
    Layer.provide(HttpRouter.middleware((effect) => Effect.annotateLogs(effect, { service: name })).layer),
    Layer.provide(Layer.effect(
      HttpRouter.HttpRouter,
      Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed(prefix))
    ))
  )

/** GATEWAY_PASS_USER_ID: lets callers name any user, as the original's pages do. Development only. */
export const passUserId = Config.flatMap(environment, (env) =>
  Config.mapEffect(
    variable<string>("GATEWAY_PASS_USER_ID", {
      expected: "true or false",
      schema: Schema.Literals(["true", "false"]),
      fallback: "false"
    }),
    (value) =>
      value === "true" && env === "production"
        ? Effect.fail(
          refuse("GATEWAY_PASS_USER_ID", "true would let anybody name any user; GSTORE_ENV=production refuses it")
        )
        : Effect.succeed(value === "true")
  ))

/** X-User-ID is the word of a trusted proxy; whatever a client sends under that name ends here. */
export const withoutUserId = HttpRouter.middleware(
  Effect.map(
    passUserId,
    (pass) => (effect) =>
      pass ?
        effect :
        Effect.updateService(
          effect,
          HttpServerRequest.HttpServerRequest,
          (request) => request.modify({ headers: Headers.remove(request.headers, "x-user-id") })
        )
  ),
  { global: true }
)
