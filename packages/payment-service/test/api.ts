import { RateLimit } from "@g-store/contracts/Actor.ts"
import type { UserId } from "@g-store/contracts/Ids.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { authenticationStatic } from "@g-store/service-kit/Authentication.ts"
import { Edge } from "@g-store/service-kit/Edge.ts"
import { EdgeProblemsLive } from "@g-store/service-kit/EdgeProblems.ts"
import { ConfigProvider, Context, Effect, Layer, References } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpRouter, HttpServer } from "effect/http"
import { PaymentService } from "../src/PaymentService.ts"
import { PaymentStoreMemory } from "../src/PaymentStoreMemory.ts"
import { ada, bob, customer, staff } from "./fixtures.ts"

/** Turns a MemoryDatabase off and on, as a failover would. */
export class Outage extends Context.Service<Outage, { down: boolean }>()("@g-store/payment-service/test/Outage") {
  static readonly layer = Layer.sync(Outage, () => ({ down: false }))
}

const FailingDatabase = Layer.effect(
  MemoryDatabase,
  Effect.gen(function*() {
    const database = yield* MemoryDatabase
    const outage = yield* Outage
    const lost = Effect.suspend(() => new DatabaseUnavailable({ cause: new Error("turned off by the test") }))
    return MemoryDatabase.of({
      ...database,
      transaction: (body) => Effect.suspend(() => outage.down ? lost : database.transaction(body)),
      statement: (label, locks, f) => Effect.suspend(() => outage.down ? lost : database.statement(label, locks, f))
    })
  })
).pipe(Layer.provide(MemoryDatabase.layer))

/** The store in memory, with a switch for its database. */
export const StoreTest = PaymentStoreMemory.pipe(Layer.provide(FailingDatabase), Layer.provideMerge(Outage.layer))

const names = new Map<UserId, string>([[ada, "ada"], [bob, "bob"]])

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** The API as it is mounted, without a socket. */
export const makeApi = Effect.gen(function*() {
  const store = yield* Effect.context<Layer.Success<typeof StoreTest>>()
  const routes = Layer.merge(PaymentService, Edge()).pipe(
    Layer.provide([
      authenticationStatic({ ada: customer(ada), bob: customer(bob), staff }),
      Layer.succeed(RateLimit, RateLimit.of((effect) => effect)),
      EdgeProblemsLive,
      Layer.succeedContext(store),
      SecureRandom.layerWebCrypto,
      HttpServer.layerServices
    ]),
    Layer.provide(Layer.succeed(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({})))
  )
  const { handler } = yield* Effect.acquireRelease(
    Effect.sync(() => HttpRouter.toWebHandler(routes, { disableLogger: true })),
    ({ dispose }) => Effect.promise(dispose)
  )
  const quiet = Context.make(References.MinimumLogLevel, "None")
  return (
    who: UserId | "staff" | "nobody",
    call: string,
    request: { readonly body?: unknown; readonly key?: string } = {}
  ) =>
    Effect.promise(async (): Promise<Answer> => {
      const [method = "", path = ""] = call.split(" ")
      const response = await handler(
        new Request(`http://payments${path}`, {
          method,
          headers: {
            ...(who === "nobody" ? {} : { authorization: `Bearer ${names.get(who as UserId) ?? who}` }),
            ...(request.key === undefined ? {} : { "idempotency-key": request.key }),
            ...(request.body === undefined ? {} : { "content-type": "application/json" })
          },
          ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) })
        }),
        quiet
      )
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) }
    })
})
