import { assert } from "@effect/vitest"
import { RateLimit } from "@g-store/contracts/Actor.ts"
import { OrderId } from "@g-store/contracts/Ids.ts"
import { OrdersApi } from "@g-store/contracts/OrdersApi.ts"
import type { Idempotency } from "@g-store/messaging/Idempotency.ts"
import { authenticationStatic } from "@g-store/service-kit/Authentication.ts"
import { EdgeProblemsLive } from "@g-store/service-kit/EdgeProblems.ts"
import { webHandler } from "@g-store/service-kit/HttpServer.ts"
import { openApiDocument } from "@g-store/service-kit/OpenApiDocument.ts"
import { Context, Effect, Layer, Logger, Schema } from "effect"
import type { SecureRandom } from "effect/crypto"
import { HttpServer } from "effect/http"
import type { OpenApi } from "effect/http-api"
import { OrderRepository } from "../src/application/OrderRepository.ts"
import * as Order from "../src/domain/Order.ts"
import { OrderService } from "../src/OrderService.ts"
import { ada, bob, customer, payment, paymentOf, staff } from "./fixtures.ts"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The body as JSON; undefined if there is none. */
  readonly body: unknown
}

export interface Call {
  /** Who calls; nobody if absent. */
  readonly as?: "ada" | "bob" | "staff" | "a stranger"
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** order-service's whole HTTP side in memory, edge included; each answer is checked against the API's own document. */
export class Api extends Context.Service<Api, {
  readonly call: (method: string, path: string, call?: Call) => Effect.Effect<Answer>
}>()("test/Api") {
  static readonly layer = Layer.effect(
    Api,
    Effect.gen(function*() {
      const stores = yield* Effect.context<OrderRepository | Idempotency | SecureRandom.SecureRandom>()
      const authentication = authenticationStatic({ ada: customer(ada), bob: customer(bob), staff })
      const { dispose, handler } = webHandler(
        OrderService.pipe(
          Layer.provide([authentication, Layer.succeed(RateLimit, RateLimit.of((effect) => effect)), EdgeProblemsLive]),
          Layer.provide([Layer.succeedContext(stores), HttpServer.layerServices, Logger.layer([])])
        ),
        { logLevel: "Debug" }
      )
      yield* Effect.addFinalizer(() => Effect.promise(dispose))
      return Api.of({
        call: (method, path, { as, body, headers } = {}) =>
          Effect.promise(async () => {
            const response = await handler(
              new Request(`http://test${path}`, {
                method,
                headers: {
                  ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
                  ...(body === undefined ? {} : { "content-type": "application/json" }),
                  ...headers
                },
                ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
              })
            )
            const text = await response.text()
            const answer = {
              status: response.status,
              headers: response.headers,
              body: text === "" ? undefined : fromJson(text)
            }
            documented(method, path, answer)
            return answer
          })
      })
    })
  )
}

const fromJson = Schema.decodeSync(Schema.fromJsonString(Schema.Json))

const document = openApiDocument(OrdersApi, { url: "." })

const methodName = (method: string): OpenApi.OpenAPISpecMethodName =>
  method === "POST" ? "post" : method === "PATCH" ? "patch" : "get"

/** Fails on an answer that the API's document does not know, or knows with another body. */
const documented = (method: string, path: string, { body, headers, status }: Answer): void => {
  const known = Object.keys(document.paths).find((template) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path.split("?")[0] ?? path)
  )
  const item = Object.entries(document.paths).find(([template]) => template === known)?.[1]
  const operation = item?.[methodName(method)]
  assert.isDefined(operation, `${method} ${path} is not documented`)
  const response = Object.entries(operation.responses).find(([name]) => name === String(status))?.[1]
  assert.isDefined(response, `${method} ${path} answered ${status}, which is not documented: ${JSON.stringify(body)}`)
  const types = Object.keys(response.content ?? {})
  const type = headers.get("content-type")?.split(";")[0]
  if (types.length === 0) assert.isUndefined(body, `${method} ${path} answered ${status} with a body`)
  else assert.include(types, type, `${method} ${path} answered ${status}`)
}

/** What every problem must have; `type` without its common prefix. */
export const problemOf = ({ body, headers, status }: Answer): { readonly type: string; readonly detail: string } => {
  assert.strictEqual(headers.get("content-type")?.split(";")[0], "application/problem+json")
  const problem = decodeProblem(body)
  assert.strictEqual(problem.status, status)
  assert.strictEqual(problem.error, problem.detail)
  assert.strictEqual(problem.type.slice(0, 12), "urn:g-store:")
  return { type: problem.type.slice(12), detail: problem.detail }
}
const decodeProblem = Schema.decodeUnknownSync(Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  error: Schema.String,
  traceId: Schema.String
}))

export const place = (as: "ada" | "bob", amount = 100) =>
  Effect.gen(function*() {
    const { call } = yield* Api
    const answer = yield* call("POST", "/v1/orders", { as, body: { amount } })
    assert.strictEqual(answer.status, 201)
    return decodeAccepted(answer.body).orderId
  })
const decodeAccepted = Schema.decodeUnknownSync(Schema.Struct({ orderId: OrderId }))

/** Lets the order's payment succeed. */
export const pay = (id: OrderId) =>
  Effect.flatMap(
    OrderRepository,
    (repository) => repository.update(id, (order) => Order.pay(order, paymentOf(order), payment, order.updatedAt))
  )
