import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { UserId } from "@g-store/contracts/Ids.ts"
import { TokenVerifier } from "@g-store/service-kit/TokenVerifier.ts"
import { configLine } from "@g-store/service-kit/Variable.ts"
import { Config, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import { createLocalJWKSet, jwtVerify } from "jose"
import { DevelopmentKeys, DevelopmentTokenKeys } from "../src/DevelopmentKeys.ts"
import { allowedHere } from "../src/IdentityConfig.ts"
import { issueToken } from "../src/issueToken.ts"
import { env, folder, type Got, provider } from "./identity.ts"

const KEY = "open-sesame"
const alice = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10")

/** Whom a token stands for, to a service that shares the provider's process. */
const callerOf = (dir: string, token: string, variables: Record<string, string> = {}) =>
  Effect.flatMap(TokenVerifier, ({ verify }) => verify(token)).pipe(
    Effect.map(({ caller }) => caller),
    Effect.provide(TokenVerifier.layer.pipe(
      Layer.provide(DevelopmentTokenKeys),
      Layer.provide(DevelopmentKeys.layer(dir)),
      Layer.provide([NodeServices.layer, env(variables)])
    ))
  )

describe("POST /v1/token", () => {
  it.live("gives a customer's token to whoever asks, for the user that they name", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const { ask } = yield* provider(dir)
      const { body, headers, status } = yield* ask("POST", "/v1/token", { body: { userId: alice.toUpperCase() } })
      assert.strictEqual(status, 200)
      const { accessToken, ...rest } = body
      assert.deepStrictEqual(rest, { tokenType: "Bearer", expiresIn: 3600, userId: alice })
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.deepStrictEqual(yield* callerOf(dir, String(accessToken)), { _tag: "Customer", userId: alice })
    }).pipe(Effect.scoped))

  it.live("makes up a new user, with or without a body", () =>
    Effect.gen(function*() {
      const { ask } = yield* provider(yield* folder)
      const users = yield* Effect.forEach([undefined, {}, null, { role: "customer" }], (body) =>
        Effect.map(ask("POST", "/v1/token", { body }), (got) => got.body["userId"]))
      assert.strictEqual(new Set(users).size, 4)
      for (const user of users) {
        assert.match(String(user), /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      }
    }).pipe(Effect.scoped))

  it.live("gives a staff token only for the store's key: without it, and for a wrong one, 401", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const { ask } = yield* provider(dir, { STAFF_API_KEY: KEY })
      const staff = (headers: Record<string, string>) =>
        ask("POST", "/v1/token", { body: { userId: alice, role: "staff" }, headers })
      for (const headers of [{}, { "x-staff-api-key": "guess" }, { "x-staff-api-key": "" }]) {
        const refused = yield* staff(headers)
        assert.strictEqual(refused.status, 401)
        assert.strictEqual(refused.body["type"], "urn:g-store:unauthorized")
        assert.notProperty(refused.body, "accessToken")
      }
      const given = yield* staff({ "x-staff-api-key": KEY })
      assert.strictEqual(given.status, 200)
      assert.deepStrictEqual(yield* callerOf(dir, String(given.body["accessToken"])), { _tag: "Staff", id: alice })
    }).pipe(Effect.scoped))

  it.live("is 400 for a user that is no UUID and for an unknown role", () =>
    Effect.gen(function*() {
      const { ask } = yield* provider(yield* folder)
      const got = yield* ask("POST", "/v1/token", { body: { userId: "alice", role: "admin" } })
      assert.strictEqual(got.status, 400)
      const errors = got.body["errors"]
      assert.deepStrictEqual(Array.isArray(errors) ? errors.map(({ path }) => path) : errors, [["userId"], ["role"]])
    }).pipe(Effect.scoped))

  it.effect("is 429 with Retry-After after a burst of 200 from one address, then 50 a second", () =>
    Effect.gen(function*() {
      const { ask } = yield* provider(yield* folder)
      const issued = (times: number) => Effect.replicateEffect(ask("POST", "/v1/token"), times, { concurrency: 20 })
      const count = (all: ReadonlyArray<Got>, status: number) => all.filter((got) => got.status === status).length
      const all = yield* issued(210)
      assert.deepStrictEqual([count(all, 200), count(all, 429)], [200, 10])
      assert.strictEqual(all.find(({ status }) => status === 429)?.headers.get("retry-after"), "1")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(count(yield* issued(60), 200), 50)
    }).pipe(Effect.scoped))

  it.live("names issuer, audience, user and role as verifiers are told to look for them", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const variables = {
        AUTH_ISSUER: "https://id.example",
        AUTH_AUDIENCE: "shop",
        AUTH_USER_CLAIM: "uid",
        AUTH_ROLE_CLAIM: "group",
        AUTH_STAFF_VALUE: "clerk",
        STAFF_API_KEY: KEY
      }
      const { ask } = yield* provider(dir, variables)
      const { body } = yield* ask("POST", "/v1/token", {
        body: { userId: alice, role: "staff" },
        headers: { "x-staff-api-key": KEY }
      })
      assert.deepStrictEqual(yield* callerOf(dir, String(body["accessToken"]), variables), { _tag: "Staff", id: alice })
    }).pipe(Effect.scoped))
})

describe("The keys", () => {
  it.live("are published without their secret, and verify the tokens", () =>
    Effect.gen(function*() {
      const { ask } = yield* provider(yield* folder)
      const { body } = yield* ask("POST", "/v1/token")
      const jwks = yield* ask("GET", "/.well-known/jwks.json")
      assert.strictEqual(jwks.status, 200)
      const keys = jwks.body["keys"]
      assert.lengthOf(Array.isArray(keys) ? keys : [], 1)
      assert.notMatch(JSON.stringify(jwks.body), /"d":/)
      const { payload } = yield* Effect.promise(() =>
        jwtVerify(String(body["accessToken"]), createLocalJWKSet({ keys: Array.isArray(keys) ? keys : [] }), {
          algorithms: ["ES256"],
          issuer: "urn:g-store:development-identity",
          audience: "g-store"
        })
      )
      assert.strictEqual(payload.sub, body["userId"])
    }).pipe(Effect.scoped))

  it.live("are kept, so that tokens survive a restart; another folder has others", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const before = yield* Effect.scoped(Effect.flatMap(provider(dir), ({ ask }) => ask("POST", "/v1/token")))
      const after = yield* Effect.scoped(
        Effect.flatMap(provider(dir), ({ ask }) => ask("GET", "/.well-known/jwks.json"))
      )
      const again = yield* Effect.scoped(
        Effect.flatMap(provider(dir), ({ ask }) => ask("GET", "/.well-known/jwks.json"))
      )
      assert.deepStrictEqual(after.body, again.body)
      const token = String(before.body["accessToken"])
      assert.strictEqual((yield* callerOf(dir, token))._tag, "Customer")
      const elsewhere = yield* Effect.flip(callerOf(yield* folder, token))
      assert.strictEqual(elsewhere._tag, "TokenInvalid")
    }).pipe(Effect.scoped))
})

describe("The CLI's token command", () => {
  it.live("issues tokens that hold, with the same key", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const token = yield* issueToken({ userId: alice, role: "staff" }).pipe(
        Effect.provide(DevelopmentKeys.layer(dir).pipe(Layer.provide([NodeServices.layer]))),
        Effect.provide(SecureRandom.layerWebCrypto),
        Effect.provide(env({}))
      )
      assert.deepStrictEqual(yield* callerOf(dir, token.accessToken), { _tag: "Staff", id: alice })
    }).pipe(Effect.scoped))
})

describe("The provider refuses to start", () => {
  const refusal = (variables: Record<string, string>) =>
    Effect.map(Effect.flip(Effect.provide(allowedHere, env(variables))), (error) => {
      assert.instanceOf(error, Config.ConfigError)
      return configLine(error)
    })

  it.effect("in production", () =>
    Effect.gen(function*() {
      assert.match(yield* refusal({ GSTORE_ENV: "production" }), /^GSTORE_ENV: production must not run/)
    }))

  it.effect("where GSTORE_BIND lets other machines in", () =>
    Effect.gen(function*() {
      for (const GSTORE_BIND of ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.evil.org"]) {
        assert.match(yield* refusal({ GSTORE_BIND }), /^GSTORE_BIND: expected a loopback address/)
      }
      for (const GSTORE_BIND of ["", "127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"]) {
        yield* Effect.provide(allowedHere, env({ GSTORE_BIND }))
      }
    }))

  it.live("as part of a larger process as well", () =>
    Effect.gen(function*() {
      const { ask } = yield* provider(yield* folder, { GSTORE_BIND: "0.0.0.0" })
      const defect = yield* Effect.exit(ask("GET", "/.well-known/jwks.json"))
      assert.strictEqual(defect._tag, "Failure")
    }).pipe(Effect.scoped))
})
