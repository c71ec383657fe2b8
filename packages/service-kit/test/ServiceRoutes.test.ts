import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { inMemory } from "./asking.ts"
import { thingsRoutes } from "./things.ts"

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** What is at the end of a path through JSON. */
const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((node, key) => (isRecord(node) ? node[key] : undefined), value)

/** The routes behind a prefix, as the in-process gateway mounts them. */
const mounted = thingsRoutes().pipe(
  Layer.provide(
    Layer.effect(HttpRouter.HttpRouter, Effect.map(HttpRouter.HttpRouter, (router) => router.prefixed("/api/things")))
  )
)

describe("openapi.json", () => {
  it.effect("is OpenAPI 3.1 with its server where it was read", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const { body, status } = yield* ask("GET", "/openapi.json")
      assert.strictEqual(status, 200)
      assert.strictEqual(body["openapi"], "3.1.0")
      assert.strictEqual(at(body, "servers", "0", "url"), ".")
      assert.deepStrictEqual(Object.keys(Object(at(body, "components", "securitySchemes"))), ["bearer", "staffKey"])
      assert.strictEqual(at(body, "components", "securitySchemes", "bearer", "type"), "http")
      assert.strictEqual(at(body, "components", "securitySchemes", "staffKey", "name"), "X-Staff-API-Key")
    }))

  it.effect("shows integers as integers", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const { body } = yield* ask("GET", "/openapi.json")
      const limit = at(body, "paths", "/v1/things", "get", "parameters", "0")
      assert.strictEqual(at(limit, "name"), "limit")
      assert.strictEqual(at(limit, "schema", "type"), "integer")
      assert.strictEqual(at(limit, "schema", "minimum"), 1)
      assert.strictEqual(at(limit, "schema", "maximum"), 100)
    }))

  it.effect("gives every error of every call as a problem, under a plain name", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const { body } = yield* ask("GET", "/openapi.json")
      let seen = 0
      for (const item of Object.values(Object(body["paths"]))) {
        for (const operation of Object.values(Object(item))) {
          for (const [status, response] of Object.entries(Object(at(operation, "responses")))) {
            if (Number(status) < 400) continue
            seen++
            assert.deepStrictEqual(Object.keys(Object(at(response, "content"))), ["application/problem+json"])
          }
        }
      }
      assert.isAbove(seen, 20)
      const names = Object.keys(Object(at(body, "components", "schemas")))
      assert.include(names, "RequestInvalid")
      assert.isTrue(names.every((name) => !name.endsWith("Encoded")))
      // Every reference leads somewhere.
      for (const [, name] of JSON.stringify(body).matchAll(/#\/components\/schemas\/([^"]+)"/g)) {
        assert.include(names, name)
      }
    }))
})

describe("The Swagger page", () => {
  it.effect("is one file with a policy of its own that lets nothing in from outside", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const page = yield* ask("GET", "/swagger/index.html")
      assert.strictEqual(page.status, 200)
      assert.match(page.headers.get("content-type") ?? "", /^text\/html/)
      const policy = page.headers.get("content-security-policy") ?? ""
      assert.include(policy, "script-src 'unsafe-inline'")
      assert.notInclude(policy, "http")
      assert.include((yield* ask("GET", "/openapi.json")).headers.get("content-security-policy"), "default-src 'none'")
      assert.notInclude((yield* ask("GET", "/openapi.json")).headers.get("content-security-policy"), "unsafe-inline")
      // One folder up from swagger/ is where the API is, whatever the prefix.
      assert.match(page.text, /"servers":\[\{"url":"\.\."/)
    }))

  it.effect("is found from /swagger with and without a slash, also behind a prefix", () =>
    Effect.gen(function*() {
      for (const [routes, prefix] of [[thingsRoutes(), ""], [mounted, "/api/things"]] as const) {
        const { ask } = yield* inMemory(routes)
        for (const path of ["/swagger", "/swagger/", "/swagger?x=1"]) {
          const { headers, status } = yield* ask("GET", `${prefix}${path}`)
          assert.strictEqual(status, 302)
          const target = new URL(headers.get("location") ?? "", `http://things.test${prefix}${path}`)
          assert.strictEqual(target.pathname, `${prefix}/swagger/index.html`)
          assert.strictEqual((yield* ask("GET", target.pathname)).status, 200)
        }
      }
    }))
})

describe("Behind a prefix", () => {
  it.effect("everything is served as it is without one, and nothing beside it", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(mounted)
      assert.strictEqual(
        (yield* ask("GET", "/api/things/v1/things", { headers: { authorization: "Bearer alice" } })).status,
        200
      )
      assert.strictEqual(
        (yield* ask("DELETE", "/api/things/v1/things")).headers.get("allow"),
        "POST, GET, HEAD, OPTIONS"
      )
      assert.strictEqual((yield* ask("GET", "/v1/things", { headers: { authorization: "Bearer alice" } })).status, 404)
      assert.strictEqual((yield* ask("GET", "/api/things/nowhere")).body["type"], "urn:g-store:route-not-found")
    }))
})
