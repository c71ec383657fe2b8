import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import { HttpServerRequest } from "effect/http"
import { plainProblem } from "../src/EdgeAnswers.ts"
import { as, type Got, inMemory } from "./asking.ts"
import { alice, thingsRoutes } from "./things.ts"
import { listedTypes } from "./ThingsApi.ts"

/** What every error answer must look like, whoever found the error. */
const isProblem = (got: Got, status: number, type: string) => {
  assert.strictEqual(got.status, status)
  assert.strictEqual(got.headers.get("content-type"), "application/problem+json")
  assert.strictEqual(got.body["type"], `urn:g-store:${type}`)
  assert.include(listedTypes, got.body["type"])
  assert.strictEqual(got.body["status"], status)
  assert.isString(got.body["title"])
  assert.isString(got.body["detail"])
  assert.strictEqual(got.body["error"], got.body["detail"])
  assert.strictEqual(got.body["traceId"], got.headers.get("x-request-id"))
  assert.strictEqual(got.headers.get("traceparent")?.slice(3, 35), got.body["traceId"])
}

const id = "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10"

describe("The edge answers with a problem", () => {
  it.effect("404 for a path that nothing serves, without its query", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("GET", "/nowhere?token=secret", { headers: as("alice") })
      isProblem(got, 404, "route-not-found")
      assert.include(got.body["detail"], "/nowhere")
      assert.notInclude(got.text, "secret")
    }))

  it.effect("400 for a malformed percent-encoding in the path", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      for (const path of ["/v1/things/%zz", "/v1/%c3%28", "/%"]) {
        isProblem(yield* ask("GET", path, { headers: as("alice") }), 400, "request-invalid")
      }
    }))

  it.effect("400, not 404, for an id that is far too long", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("GET", `/v1/things/${"a".repeat(4000)}`, { headers: as("alice") })
      isProblem(got, 400, "request-invalid")
      assert.deepStrictEqual(got.body["errors"], [{ path: ["id"], message: "Expected a UUID" }])
    }))

  it.effect("405 with Allow where the path takes other methods", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("DELETE", "/v1/things", { headers: as("alice") })
      isProblem(got, 405, "method-not-allowed")
      assert.strictEqual(got.headers.get("allow"), "POST, GET, HEAD, OPTIONS")
      const drop = yield* ask("GET", `/v1/things/${id}/drop`)
      isProblem(drop, 405, "method-not-allowed")
      assert.strictEqual(drop.headers.get("allow"), "POST, OPTIONS")
      isProblem(yield* ask("POST", "/openapi.json"), 405, "method-not-allowed")
    }))

  it.effect("405 with Allow for a method that is served nowhere", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("PROPFIND", "/v1/things")
      isProblem(got, 405, "method-not-allowed")
      assert.strictEqual(got.headers.get("allow"), "POST, GET, HEAD, OPTIONS")
      assert.strictEqual(got.body["detail"], "This path does not take PROPFIND. It takes POST, GET, HEAD, OPTIONS.")
      isProblem(yield* ask("PROPFIND", "/nowhere"), 404, "route-not-found")
    }))

  it.effect("OPTIONS with what the path takes", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("OPTIONS", "/v1/things")
      assert.strictEqual(got.status, 204)
      assert.strictEqual(got.headers.get("allow"), "POST, GET, HEAD, OPTIONS")
      isProblem(yield* ask("OPTIONS", "/nowhere"), 404, "route-not-found")
    }))

  it.effect("413 for a body over 64 KiB, and takes one of just that size", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const sized = (bytes: number) => {
        const frame = JSON.stringify({ amount: 1, ignored: "" })
        return JSON.stringify({ amount: 1, ignored: "x".repeat(bytes - frame.length) })
      }
      const just = yield* ask("POST", "/v1/things", { headers: as("alice"), body: sized(65_536) })
      assert.strictEqual(just.status, 201)
      isProblem(yield* ask("POST", "/v1/things", { headers: as("alice"), body: sized(65_537) }), 413, "body-too-large")
    }))

  it.effect("415 naming the media type that was sent", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("POST", "/v1/things", { headers: as("alice", { "content-type": "text/csv" }), body: "1" })
      isProblem(got, 415, "media-type-unsupported")
      assert.include(got.body["detail"], "text/csv")
    }))

  it.effect("415 for a body that is compressed or in another charset, saying how to send it", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const post = (headers: Record<string, string>) =>
        ask("POST", "/v1/things", { headers: as("alice", headers), body: "{\"amount\":1}" })
      const packed = yield* post({ "content-encoding": "gzip" })
      isProblem(packed, 415, "media-type-unsupported")
      assert.strictEqual(
        packed.body["detail"],
        "Send the body as it is, without Content-Encoding: \"gzip\" is not undone here."
      )
      for (const type of ["application/json; charset=utf-16", "application/json;charset=\"ISO-8859-1\""]) {
        const foreign = yield* post({ "content-type": type })
        isProblem(foreign, 415, "media-type-unsupported")
        assert.include(foreign.body["detail"], "Send the body as UTF-8")
      }
      for (
        const type of ["application/json; charset=utf-8", "application/json;charset=\"UTF-8\"", "APPLICATION/JSON"]
      ) {
        assert.strictEqual((yield* post({ "content-type": type })).status, 201)
      }
      assert.strictEqual((yield* post({ "content-encoding": "identity" })).status, 201)
    }))

  it.effect("500 for a defect, which it logs once with its cause and shows nothing of", () =>
    Effect.gen(function*() {
      const { ask, logged } = yield* inMemory(thingsRoutes())
      const got = yield* ask("GET", "/v1/crash", { headers: as("alice") })
      isProblem(got, 500, "internal-error")
      assert.notInclude(got.text, "SELECT")
      const errors = (yield* logged).filter((line) => line["level"] === "ERROR")
      assert.lengthOf(errors, 1)
      assert.include(errors[0]?.["cause"], "SELECT 1")
      assert.strictEqual(errors[0]?.["traceId"], got.body["traceId"])
    }))

  it.effect("400 with every fault of a body, in words that need no schema", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const post = (body: string) => ask("POST", "/v1/things", { headers: as("alice"), body })
      const got = yield* post(JSON.stringify({ amount: -1.5, name: "abcdefg" }))
      isProblem(got, 400, "request-invalid")
      assert.deepStrictEqual(got.body["errors"], [
        { path: ["amount"], message: "Expected a whole number from 1 to 1000" },
        { path: ["name"], message: "Expected at most 5 characters" }
      ])
      assert.strictEqual(
        got.body["detail"],
        "Mend amount in the body: Expected a whole number from 1 to 1000 (and 1 more, see errors)."
      )
      const texts = { "{": "valid JSON", "": "a JSON object", "[]": "a JSON object", "{}": "Required, but not there" }
      for (const [body, expected] of Object.entries(texts)) {
        const bad = yield* post(body)
        isProblem(bad, 400, "request-invalid")
        assert.include(bad.body["detail"], expected)
      }
    }))

  it.effect("400 for a query parameter of the wrong kind, or given twice", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const many = yield* ask("GET", "/v1/things?limit=x&page=y", { headers: as("alice") })
      isProblem(many, 400, "request-invalid")
      assert.deepStrictEqual(many.body["errors"], [
        { path: ["limit"], message: "Expected a number" },
        { path: ["page"], message: "Expected a number" }
      ])
      const twice = yield* ask("GET", "/v1/things?limit=1&limit=2", { headers: as("alice") })
      assert.deepStrictEqual(twice.body["errors"], [{ path: ["limit"], message: "Expected one value, not several" }])
    }))

  it.effect("400 that names the choices there are, not the schema", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const of = (query: string) =>
        Effect.map(ask("GET", `/v1/things?${query}`, { headers: as("alice") }), ({ body }) => body["errors"])
      assert.deepStrictEqual(yield* of("colour=blue"), [{ path: ["colour"], message: "Expected one of RED, GREEN" }])
      assert.deepStrictEqual(yield* of("limit=0"), [{ path: ["limit"], message: "Expected a number from 1 to 100" }])
      const drop = yield* ask("POST", `/v1/things/${id}/drop`, { headers: as("alice"), body: "[]" })
      assert.strictEqual(drop.body["detail"], "Mend the body: Expected nothing or a JSON object.")
    }))

  it.effect("400 for an idempotency key that is empty or too long", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const withKey = (key: string) =>
        ask("POST", "/v1/things", { headers: as("alice", { "idempotency-key": key }), body: "{\"amount\":1}" })
      isProblem(yield* withKey(""), 400, "request-invalid")
      isProblem(yield* withKey("k".repeat(256)), 400, "request-invalid")
      assert.strictEqual((yield* withKey("k".repeat(255))).status, 201)
    }))

  it.effect("a problem of a handler, completed", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("GET", `/v1/things/${id}`, { headers: as("staff") })
      assert.strictEqual(got.status, 404)
      assert.strictEqual(got.body["type"], "urn:test:thing-not-found")
      assert.strictEqual(got.body["error"], "No.")
      assert.strictEqual(got.body["traceId"], got.headers.get("x-request-id"))
    }))

  it.effect("401 with WWW-Authenticate where credentials are missing", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const got = yield* ask("GET", "/v1/things")
      isProblem(got, 401, "unauthorized")
      assert.match(got.headers.get("www-authenticate") ?? "", /^Bearer/)
    }))
})

describe("An error answer without a problem", () => {
  it("becomes one of a type that the document lists, whatever its status", () => {
    const request = HttpServerRequest.fromWeb(new Request("http://things.test/"))
    for (let status = 400; status < 600; status++) {
      assert.include(listedTypes, plainProblem(status, request)["type"], String(status))
    }
  })
})

describe("The edge", () => {
  it.effect("answers HEAD like GET without a body, and OPTIONS with Allow", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const head = yield* ask("HEAD", "/v1/things", { headers: as("alice") })
      assert.deepStrictEqual([head.status, head.text], [200, ""])
      const options = yield* ask("OPTIONS", "/v1/things")
      assert.strictEqual(options.status, 204)
      assert.strictEqual(options.headers.get("allow"), "POST, GET, HEAD, OPTIONS")
    }))

  it.effect("takes an absent body for null where the body is optional", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const drop = (body?: string) =>
        ask("POST", `/v1/things/${id}/drop`, {
          headers: body === undefined ? { authorization: "Bearer alice" } : as("alice"),
          ...(body === undefined ? {} : { body })
        })
      for (const body of [undefined, "", "null", "{}"]) assert.strictEqual((yield* drop(body)).status, 204)
      assert.strictEqual((yield* drop("[]")).status, 400)
    }))

  it.effect("keeps a valid trace of the caller and starts a new one for anything else", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
      const under = (traceparent: string) =>
        Effect.map(ask("GET", "/v1/things", { headers: as("alice", { traceparent }) }), (got) => ({
          id: got.headers.get("x-request-id"),
          parent: got.headers.get("traceparent")
        }))
      const kept = yield* under(`00-${trace}-00f067aa0ba902b7-01`)
      assert.strictEqual(kept.id, trace)
      // The same trace, but a span of our own.
      assert.match(kept.parent ?? "", new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`))
      for (
        const bad of [
          "junk",
          `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
          `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
          `00-${trace}-${"0".repeat(16)}-01`,
          `ff-${trace}-00f067aa0ba902b7-01`
        ]
      ) {
        const fresh = yield* under(bad)
        assert.notInclude(bad.toLowerCase(), fresh.id ?? "")
        assert.match(fresh.parent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
      }
    }))

  it.effect("writes one line a request, with the caller and the trace, without query or credentials", () =>
    Effect.gen(function*() {
      const { ask, logged } = yield* inMemory(thingsRoutes())
      const got = yield* ask("GET", "/v1/things?limit=5&secret=hidden", { headers: as("alice") })
      const lines = yield* logged
      assert.lengthOf(lines, 1)
      const { ms, timestamp, ...rest } = lines[0] ?? {}
      assert.isNumber(ms)
      assert.isString(timestamp)
      assert.deepStrictEqual(rest, {
        level: "INFO",
        service: "things",
        module: "http",
        method: "GET",
        path: "/v1/things",
        status: 200,
        caller: `customer:${alice}`,
        message: "GET /v1/things 200",
        traceId: got.headers.get("x-request-id")
      })
    }))

  it.effect("sets security headers on answers of every kind", () =>
    Effect.gen(function*() {
      const { ask } = yield* inMemory(thingsRoutes())
      const answers = yield* Effect.all([
        ask("GET", "/v1/things", { headers: as("alice") }),
        ask("GET", "/nowhere"),
        ask("GET", "/v1/crash", { headers: as("alice") })
      ])
      for (const { headers } of answers) {
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        assert.strictEqual(headers.get("x-frame-options"), "DENY")
        assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
        assert.include(headers.get("content-security-policy"), "default-src 'none'")
        assert.strictEqual(headers.get("cache-control"), "no-store")
      }
    }))

  it.effect("turns requests away with 503 while too many are worked on, and takes them again afterwards", () =>
    Effect.gen(function*() {
      const gate = yield* Latch.make()
      const arrived = yield* Latch.make()
      const slow = Effect.andThen(Latch.open(arrived), Latch.await(gate))
      const { ask } = yield* inMemory(thingsRoutes({ slow }), { maxInFlight: 1 })
      const held = yield* Effect.forkChild(ask("GET", "/v1/slow", { headers: as("alice") }))
      yield* Latch.await(arrived)
      const shed = yield* ask("GET", "/v1/things", { headers: as("alice") })
      isProblem(shed, 503, "service-unavailable")
      assert.strictEqual(shed.headers.get("retry-after"), "1")
      yield* Latch.open(gate)
      assert.strictEqual((yield* Fiber.join(held)).status, 204)
      assert.strictEqual((yield* ask("GET", "/v1/things", { headers: as("alice") })).status, 200)
    }))

  it.effect("forgets requests whose callers left, so they do not count as being worked on", () =>
    Effect.gen(function*() {
      const arrived = yield* Latch.make()
      const ended = yield* Latch.make()
      const slow = Effect.andThen(Latch.open(arrived), Effect.never).pipe(Effect.onInterrupt(() => Latch.open(ended)))
      const { ask, logged } = yield* inMemory(thingsRoutes({ slow }), { maxInFlight: 1 })
      const left = yield* Effect.forkChild(ask("GET", "/v1/slow", { headers: as("alice") }))
      yield* Latch.await(arrived)
      yield* Fiber.interrupt(left)
      yield* Latch.await(ended)
      yield* logged
      assert.strictEqual((yield* ask("GET", "/v1/things", { headers: as("alice") })).status, 200)
      assert.deepStrictEqual((yield* logged).map((line) => line["status"]), [499, 200])
    }))
})
