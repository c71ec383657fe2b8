import { assert, describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import { OpenApi } from "effect/http-api"
import { IdentityApi } from "../src/IdentityApi.ts"
import { NotificationsApi } from "../src/NotificationsApi.ts"
import { Description } from "../src/Order.ts"
import * as OrderErrors from "../src/OrderErrors.ts"
import { OrdersApi } from "../src/OrdersApi.ts"
import * as PaymentErrors from "../src/PaymentErrors.ts"
import { PaymentsApi } from "../src/PaymentsApi.ts"
import * as Problems from "../src/Problems.ts"
import { edgeProblemTypes } from "../src/ProblemTypes.ts"

const documents = {
  orders: OpenApi.fromApi(OrdersApi),
  payments: OpenApi.fromApi(PaymentsApi),
  notifications: OpenApi.fromApi(NotificationsApi),
  identity: OpenApi.fromApi(IdentityApi)
}

const operations = Object.entries(documents).flatMap(([api, { paths }]) =>
  Object.entries(paths).flatMap(([path, item]) =>
    (["get", "put", "post", "delete", "patch"] as const).flatMap((method) => {
      const operation = item[method]
      return operation === undefined ? [] : [{ name: `${api}: ${method} ${path}`, api, path, method, operation }]
    })
  )
)

const statuses = (responses: object): ReadonlyArray<number> =>
  Object.keys(responses).map(Number).filter((status) => status >= 400)

describe.each(Object.entries(documents))("the document of %s", (api, document) => {
  it("says what it is about", () => {
    assert.match(document.info.title, /^g-store /)
    assert.isString(document.info.description)
    for (const tag of document.tags) assert.isString(tag.description)
  })

  it("closes no object: members that a service does not know are ignored, and answers may get new ones", () => {
    assert.notInclude(JSON.stringify(document), "\"additionalProperties\":false")
  })

  it("is the one that clients were given: `vitest -u` publishes another", async () => {
    await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(`openapi/${api}.json`)
  })
})

describe.each(operations)("$name", ({ api, method, operation, path }) => {
  const parameters = operation.parameters.map(({ name }) => name)
  const isPublic = api === "identity"
  const changes = ["post", "patch"].includes(method)

  it("has a summary and an id", () => {
    assert.isString(operation.summary)
    assert.isString(operation.operationId)
  })

  it("asks for a token or the staff key, unless it gives tokens out", () => {
    assert.deepStrictEqual(operation.security, isPublic ? [] : [{ bearer: [] }, { staffKey: [] }])
  })

  it("has a body that may be left out where nothing may be sent instead", () => {
    const schema = JSON.stringify(operation.requestBody?.content["application/json"]?.schema ?? {})
    if (operation.requestBody === undefined) return
    assert.strictEqual(operation.requestBody.required ?? false, !schema.includes("\"null\""))
  })

  it("takes an idempotency key where it changes something", () => {
    assert.strictEqual(parameters.includes("idempotency-key"), changes && !isPublic)
  })

  it("lists every error that it may answer with, each as a problem", () => {
    const callers = isPublic ? (changes ? [401, 403, 429] : []) : [401, 403, 429]
    const expected = [
      400,
      413,
      415,
      500,
      503,
      ...callers,
      ...(/\{|\/me$/.test(path) ? [404] : []),
      ...(changes && !isPublic ? [409, 422] : []),
      ...(parameters.includes("if-match") ? [412] : [])
    ]
    assert.sameMembers([...statuses(operation.responses)], expected)
    for (const status of statuses(operation.responses)) {
      const { content } = operation.responses[status] ?? {}
      assert.hasAllKeys(content ?? {}, ["application/problem+json"], String(status))
    }
  })
})

describe("descriptions", () => {
  it("are as long as maxLength says, which counts characters, not halves of them", () => {
    assert.include(JSON.stringify(documents.orders.components.schemas), "\"maxLength\":500")
    const takes = Schema.is(Description)
    assert.isTrue(takes("\u{1F600}".repeat(500)))
    assert.isFalse(takes("\u{1F600}".repeat(501)))
    assert.isFalse(takes("x".repeat(501)))
  })
})

describe("examples", () => {
  it.each(["orders", "payments"] as const)("show what an amount of %s looks like", (api) => {
    const schemas = JSON.stringify(documents[api].components.schemas)
    assert.match(schemas, /"amount":\{"type":"integer"[^}]*"examples":\[1500\]/)
  })
})

describe("problem types", () => {
  const problems = [Problems, OrderErrors, PaymentErrors].flatMap((module) => Object.entries(module)).flatMap(
    (
      [name, value]
    ) => (Schema.isSchema(value) ? [[name, JSON.stringify(Schema.toJsonSchemaDocument(value))] as const] : [])
  )
  const types = problems.map(([name, schema]) => [name, /"urn:g-store:[a-z-]+"/.exec(schema)?.[0]] as const)

  it("are known for every problem", () => {
    assert.isAbove(types.length, 15)
    assert.deepStrictEqual(types.filter(([, type]) => type === undefined), [])
  })

  it("are listed in one place of the document of every service that may answer them", () => {
    const listed = Object.values(documents).map(({ components }) => components.schemas["ProblemType"]?.["enum"])
    for (const list of listed) assert.includeMembers(Array.isArray(list) ? list : [], [...edgeProblemTypes])
    const every = listed.flat()
    for (const [name, type = ""] of types) assert.include(every, type.replaceAll("\"", ""), name)
  })

  it("are unique, so that programs can switch on them", () => {
    assert.strictEqual(new Set(types.map(([, type]) => type)).size, types.length)
  })

  it("are named like the problem", () => {
    for (const [name, type] of types) {
      assert.strictEqual(type, `"urn:g-store:${name.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}"`)
    }
  })
})
