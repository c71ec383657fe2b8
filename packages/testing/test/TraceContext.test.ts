import { assert, it } from "@effect/vitest"
import { RateLimit } from "@g-store/contracts/Actor.ts"
import { OrderId } from "@g-store/contracts/Ids.ts"
import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { EVENT_TYPE, TRACEPARENT } from "@g-store/messaging/Message.ts"
import { traceId } from "@g-store/messaging/TraceContext.ts"
import { OrderService } from "@g-store/order-service/OrderService.ts"
import { authenticationStatic } from "@g-store/service-kit/Authentication.ts"
import { EdgeProblemsLive } from "@g-store/service-kit/EdgeProblems.ts"
import { webHandler } from "@g-store/service-kit/HttpServer.ts"
import { Effect, Layer, Schema } from "effect"
import { HttpServer } from "effect/http"
import { makeHeldBus } from "./heldBus.ts"
import { MemoryStores } from "./stores.ts"
import { customer, drained, fund, makeWorld, start, userOf } from "./world.ts"

const decodeAccepted = Schema.decodeUnknownSync(Schema.Struct({ orderId: OrderId }))
const trace = (n: number) => `${n}af7651916cd43dd8448eb211c80319c`

it.live("carries the trace of a request into every message that it leads to, through both services", () =>
  Effect.gen(function*() {
    const bus = yield* makeHeldBus((inner) => ({ publish: inner.publish }))
    const world = yield* makeWorld(bus, MemoryStores)
    yield* start.everything(world)
    yield* fund(world, userOf(1), 100)
    const { dispose, handler } = webHandler(
      OrderService.pipe(
        Layer.provide([
          authenticationStatic({ ada: customer(userOf(1)) }),
          Layer.succeed(RateLimit, RateLimit.of((effect) => effect)),
          EdgeProblemsLive
        ]),
        Layer.provide([Layer.succeedContext(world.orders), HttpServer.layerServices])
      ),
      { logLevel: "Debug" }
    )
    yield* Effect.addFinalizer(() => Effect.promise(dispose))
    const post = (path: string, n: number, body: object) =>
      Effect.promise(() =>
        handler(
          new Request(`http://test/v1/orders${path}`, {
            method: "POST",
            headers: {
              authorization: "Bearer ada",
              "content-type": "application/json",
              traceparent: `00-${trace(n)}-b7ad6b7169203331-01`
            },
            body: JSON.stringify(body)
          })
        )
      )
    const placed = (n: number, amount: number) =>
      Effect.gen(function*() {
        const answer = yield* post("", n, { amount })
        const { orderId } = decodeAccepted(yield* Effect.promise(() => answer.json()))
        yield* drained(world)
        return orderId
      })
    const paid = yield* placed(1, 60)
    const declined = yield* placed(2, 60)
    assert.strictEqual((yield* post(`/${paid}/cancel`, 3, {})).status, 204)
    yield* drained(world)

    const tracesOf = (id: OrderId) =>
      bus.of(id).map(({ headers, topic }) => [topic, headers[EVENT_TYPE], traceId(headers[TRACEPARENT])])
    assert.deepStrictEqual(tracesOf(paid), [
      [ORDER_EVENTS, "OrderCreated", trace(1)],
      [PAYMENT_EVENTS, "PaymentProcessed", trace(1)],
      [ORDER_EVENTS, "OrderStatusChanged", trace(1)],
      [ORDER_EVENTS, "OrderCancelled", trace(3)]
    ])
    assert.deepStrictEqual(tracesOf(declined), [
      [ORDER_EVENTS, "OrderCreated", trace(2)],
      [PAYMENT_EVENTS, "PaymentProcessed", trace(2)],
      [ORDER_EVENTS, "OrderCancelled", trace(2)]
    ])
  }).pipe(Effect.scoped))
