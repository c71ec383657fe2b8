import { CurrentCaller } from "@g-store/contracts/Actor.ts"
import { UserId } from "@g-store/contracts/Ids.ts"
import type { VersionMismatch } from "@g-store/contracts/Problems.ts"
import { Idempotency } from "@g-store/messaging/Idempotency.ts"
import { IdempotencyMemory } from "@g-store/messaging/memory/IdempotencyMemory.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Context, Effect, Layer, type Schema } from "effect"
import { HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { authenticationStatic } from "../src/Authentication.ts"
import { EdgeProblemsLive } from "../src/EdgeProblems.ts"
import { makeIdempotent } from "../src/Idempotent.ts"
import { RateLimitLive } from "../src/RateLimiting.ts"
import { serviceRoutes } from "../src/ServiceRoutes.ts"
import { env } from "./asking.ts"
import { ThingNotFound, ThingsApi, type ThingTaken } from "./ThingsApi.ts"

export const alice = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10")
export const bob = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1b0b")

/** What the handlers of a test do; each is replaced where a test needs it. */
export class Doings extends Context.Service<Doings, {
  readonly slow: Effect.Effect<void>
  /** What POST .../drop does with the thing. */
  readonly drop: (
    thing: string
  ) => Effect.Effect<void, ThingTaken | ThingNotFound | VersionMismatch | DatabaseUnavailable>
  /** What POST /v1/things gives the id of. */
  readonly create: (amount: number) => Effect.Effect<string, ThingTaken | DatabaseUnavailable>
}>()("@g-store/service-kit/test/Doings") {}

const Handlers = HttpApiBuilder.group(
  ThingsApi,
  "things",
  Effect.fn(function*(handlers) {
    const { create, drop, slow } = yield* Doings
    const idempotent = yield* makeIdempotent
    return handlers.handleAll({
      create: (request) =>
        idempotent(
          request,
          Effect.map(create(request.payload.amount), (id) => ({
            status: 201,
            headers: { location: `things/${id}` },
            body: { id }
          }))
        ),
      list: ({ query }) => Effect.succeed({ limit: query.limit ?? 20 }),
      byId: ({ params }) =>
        CurrentCaller.use((caller) =>
          caller._tag === "Customer"
            ? Effect.succeed({ id: params.id })
            : Effect.fail(new ThingNotFound({ detail: "No." }))
        ),
      drop: (request) => idempotent(request, Effect.as(drop(request.params.id), { status: 204 })),
      crash: () => Effect.die(new Error("secret inside: SELECT 1")),
      slow: () => slow
    })
  })
)

/** Members as PostgreSQL's jsonb has them: the short names first. */
const asJsonb = (value: Schema.Json): Schema.Json => {
  if (Array.isArray(value)) return value.map(asJsonb)
  if (typeof value !== "object" || value === null) return value
  const members = Object.entries(value).toSorted(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, asJsonb(member)]))
}

/** Keys in memory, whose answers come back as they would from a table when they are given again. */
const Keys = Layer.effect(
  Idempotency,
  Effect.map(Idempotency, ({ once }) =>
    Idempotency.of({
      once: (key, effect) =>
        Effect.map(
          once(key, effect),
          ({ answer, replayed }) => ({ answer: replayed ? asJsonb(answer) : answer, replayed })
        )
    }))
).pipe(Layer.provide(IdempotencyMemory), Layer.provide(MemoryDatabase.layer))

const doNothing: Doings["Service"] = {
  slow: Effect.void,
  drop: () => Effect.void,
  create: (amount) => Effect.succeed(`thing-${amount}`)
}

export interface ThingsOptions extends Partial<Doings["Service"]> {
  readonly env?: Record<string, string>
}

/** The routes of the tests' API, on memory; what its handlers do is replaced where a test needs it. */
export const thingsRoutes = ({ env: variables, ...doings }: ThingsOptions = {}) =>
  serviceRoutes(ThingsApi, Handlers, { publicPath: "/api/things" }).pipe(
    Layer.provide(Layer.succeed(Doings, { ...doNothing, ...doings })),
    Layer.provide(Keys),
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
    Layer.provide(env({ RATE_LIMIT: "off", ...variables }))
  )
