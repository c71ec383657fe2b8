import { UserId } from "@g-store/contracts/Ids.ts"
import { CurrentCaller } from "@g-store/contracts/Actor.ts"
import { Context, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import { authenticationStatic } from "../src/Authentication.ts"
import { EdgeProblemsLive } from "../src/EdgeProblems.ts"
import { RateLimitLive } from "../src/RateLimiting.ts"
import { serviceRoutes } from "../src/ServiceRoutes.ts"
import { env } from "./asking.ts"
import { ThingNotFound, ThingsApi } from "./ThingsApi.ts"

export const alice = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10")
export const bob = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1b0b")

/** What the handlers of a test do; each is replaced where a test needs it. */
export class Doings extends Context.Service<Doings, {
  readonly slow: Effect.Effect<void>
}>()("@g-store/service-kit/test/Doings") {}

const Handlers = HttpApiBuilder.group(
  ThingsApi,
  "things",
  Effect.fn(function*(handlers) {
    const { slow } = yield* Doings
    return handlers.handleAll({
      create: ({ payload }) =>
        Effect.succeed(
          HttpApiSchema.withHeaders({
            body: { id: `thing-${payload.amount}` },
            headers: { location: `things/${payload.amount}` }
          })
        ),
      list: ({ query }) => Effect.succeed({ limit: query.limit ?? 20 }),
      byId: ({ params }) =>
        CurrentCaller.use((caller) =>
          caller._tag === "Customer" ? Effect.succeed({ id: params.id }) : Effect.fail(new ThingNotFound({ detail: "No." }))
        ),
      drop: () => Effect.void,
      crash: () => Effect.die(new Error("secret inside: SELECT 1")),
      slow: () => slow
    })
  })
)

/** The routes of the tests' API; `slow` is what GET /v1/slow does. */
export const thingsRoutes = (options?: { readonly env?: Record<string, string>; readonly slow?: Effect.Effect<void> }) =>
  serviceRoutes(ThingsApi, Handlers, { publicPath: "/api/things" }).pipe(
    Layer.provide(Layer.succeed(Doings, { slow: options?.slow ?? Effect.void })),
    Layer.provide([
      authenticationStatic({
        alice: { _tag: "Customer", userId: alice },
        bob: { _tag: "Customer", userId: bob },
        staff: { _tag: "Staff", id: "staff-key" }
      }),
      RateLimitLive,
      EdgeProblemsLive
    ]),
    Layer.provide(HttpServer.layerServices),
    Layer.provide(env({ RATE_LIMIT: "off", ...options?.env }))
  )
