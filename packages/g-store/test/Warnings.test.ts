import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { warnings } from "../src/Warnings.ts"

const of = (env: Record<string, string>, issuing = true) =>
  warnings(issuing).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )

describe("A start warns", () => {
  it.effect("of nothing where nothing is set", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* of({}), [])
      assert.deepStrictEqual(yield* of({ DATABASE_URL: "", HOST: "127.0.0.1" }), [])
    }))

  it.effect("of a DATABASE_URL, which only a service alone reads, without showing it", () =>
    Effect.gen(function*() {
      const [line = ""] = yield* of({ DATABASE_URL: "postgres://u:secret@db/x" })
      assert.include(line, "ORDERS_DATABASE_URL, PAYMENTS_DATABASE_URL, NOTIFICATIONS_DATABASE_URL")
      assert.notInclude(line, "secret")
    }))

  it.effect("of a mode in which no customer can be served, because the own gateway deletes the header", () =>
    Effect.gen(function*() {
      const trusted = { AUTH_MODE: "trusted-header", TRUSTED_PROXIES: "10.0.0.0/8" }
      assert.include((yield* of(trusted))[0], "GATEWAY_PASS_USER_ID=true")
      const [line = ""] = yield* of({ ...trusted, GSTORE_ENV: "production" }, false)
      assert.match(line, /^AUTH_MODE=trusted-header serves no customer here: .*AUTH_MODE=jwt/)
      assert.deepStrictEqual(yield* of({ ...trusted, GATEWAY_PASS_USER_ID: "true" }), [])
    }))

  it.effect("of an inbox that forgets messages which may come again", () =>
    Effect.gen(function*() {
      const [line = ""] = yield* of({ RETENTION_INBOX: "1h" })
      assert.match(line, /^RETENTION_INBOX: expected at least 180h: .*second time/)
      assert.deepStrictEqual(yield* of({ RETENTION_INBOX: "180h" }), [])
    }))

  it.effect("of an address that lets other machines at the identity provider", () =>
    Effect.gen(function*() {
      for (const HOST of ["0.0.0.0", "::", "192.168.1.7"]) {
        const [line = ""] = yield* of({ HOST })
        assert.include(line, `DANGER: HOST=${HOST}`)
        assert.include(line, "anybody can be staff")
      }
      assert.notInclude((yield* of({ HOST: "0.0.0.0", STAFF_API_KEY: "one-of-our-own" }))[0], "anybody can be staff")
      assert.deepStrictEqual(yield* of({ HOST: "0.0.0.0" }, false), [])
      assert.deepStrictEqual(yield* of({ HOST: "::1" }), [])
    }))
})
