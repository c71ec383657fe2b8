import { makeStoreApi, type StoreApi } from "@g-store/client/StoreApi.ts"
import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { EventBusMemory } from "@g-store/messaging/memory/EventBusMemory.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import { LiveTail } from "@g-store/order-notification-service/LiveTail.ts"
import { NotificationService, NotificationWorkers } from "@g-store/order-notification-service/NotificationService.ts"
import { NotificationStoreMemory } from "@g-store/order-notification-service/NotificationStoreMemory.ts"
import { OrderService, OrderWorkers } from "@g-store/order-service/OrderService.ts"
import { OrderStoreMemory } from "@g-store/order-service/OrderStoreMemory.ts"
import { PaymentService, PaymentWorkers } from "@g-store/payment-service/PaymentService.ts"
import { PaymentStoreMemory } from "@g-store/payment-service/PaymentStoreMemory.ts"
import { AuthenticationLive } from "@g-store/service-kit/Authentication.ts"
import { Callers } from "@g-store/service-kit/Callers.ts"
import { EdgeProblemsLive } from "@g-store/service-kit/EdgeProblems.ts"
import { webHandler } from "@g-store/service-kit/HttpServer.ts"
import { RateLimitLive } from "@g-store/service-kit/RateLimiting.ts"
import { ConfigProvider, Effect, Layer, References } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpRouter, HttpServer } from "effect/http"
import { randomUUID } from "node:crypto"
import { customerToken, staffToken, TestTokens } from "./TestTokens.ts"

const Bus = EventBusMemory.layer({
  groups: [
    { group: "g-store.payment-service", topics: [ORDER_EVENTS] },
    { group: "g-store.order-service", topics: [PAYMENT_EVENTS] },
    { group: "g-store.order-notification-service", topics: [ORDER_EVENTS] }
  ]
})

const Relay = OutboxRelay.layer({ leases: "exclusive" })

// Each service has a database and a memo map of its own, as it has in production.
const orders = Layer.mergeAll(OrderWorkers, Relay).pipe(
  Layer.merge(at("/api/orders", OrderService)),
  Layer.provide(OrderStoreMemory),
  Layer.provide(MemoryDatabase.layer),
  Layer.fresh
)
const payments = Layer.mergeAll(PaymentWorkers, Relay).pipe(
  Layer.merge(at("/api/payments", PaymentService)),
  Layer.provide(PaymentStoreMemory),
  Layer.provide(MemoryDatabase.layer),
  Layer.fresh
)
const notifications = NotificationWorkers("g-store.order-notification-service").pipe(
  Layer.merge(at("/api/notifications", NotificationService)),
  Layer.provide(LiveTail.layer),
  Layer.provide(NotificationStoreMemory),
  Layer.provide(MemoryDatabase.layer),
  Layer.fresh
)

function at<A, E, R>(prefix: `/${string}`, routes: Layer.Layer<A, E, R>) {
  return Layer.provide(
    routes,
    Layer.effect(HttpRouter.HttpRouter, Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed(prefix)))
  )
}

/** The routes and workers of the whole store on memory layers, under the gateway's prefixes; test tokens are believed. */
export const MemoryStoreRoutes = Layer.mergeAll(orders, payments, notifications).pipe(
  Layer.provide(Layer.mergeAll(AuthenticationLive, RateLimitLive, EdgeProblemsLive)),
  Layer.provide(Callers.layer),
  Layer.provide(TestTokens),
  Layer.provide(Bus),
  Layer.provide([MessagingHealth.layer, SecureRandom.layerWebCrypto])
)

/** Who uses the store in a test: the client's API with this person's token, and the token itself. */
export interface Person extends StoreApi {
  readonly userId: string
  readonly token: string
}

export interface MemoryStore {
  /** The whole store as a function: no port, no process, no PostgreSQL. */
  readonly fetch: (request: Request) => Promise<Response>
  /** A new customer, or the one with this id. */
  readonly customer: (userId?: string) => Person
  readonly staff: (name?: string) => Person
  /** Asks again and again until the answer holds; fails after 5 seconds. Most of the store happens after its answers. */
  readonly eventually: (holds: () => Promise<boolean>) => Promise<void>
  readonly close: () => Promise<void>
}

/** Builds a store of its own: nothing is shared with another one. Settings as in the environment of `npm start`. */
export const makeMemoryStore = (settings: Readonly<Record<string, string>> = {}): MemoryStore => {
  const { dispose, handler } = webHandler(
    MemoryStoreRoutes.pipe(
      Layer.provide(Layer.mergeAll(
        HttpServer.layerServices,
        ConfigProvider.layer(ConfigProvider.fromUnknown({ RATE_LIMIT: "off", ...settings })),
        Layer.succeed(References.MinimumLogLevel, "Error")
      ))
    ),
    { logLevel: "Debug" }
  )
  const fetch = (request: Request) => handler(request)
  const person = (userId: string, token: string): Person => ({
    userId,
    token,
    ...makeStoreApi({
      baseUrl: "http://store.test",
      token: () => token,
      fetch: (input, init) => fetch(new Request(input, init))
    })
  })
  return {
    fetch,
    customer: (userId = randomUUID()) => person(userId, customerToken(userId)),
    staff: (name = "staff") => person(name, staffToken(name)),
    eventually: async (holds) => {
      for (let left = 500; !(await holds()); left--) {
        if (left === 0) throw new Error(`within 5 seconds this did not hold: ${holds}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    close: dispose
  }
}
