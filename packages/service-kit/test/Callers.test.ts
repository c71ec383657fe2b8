import { assert, describe, it } from "@effect/vitest"
import type { Caller } from "@g-store/contracts/Actor.ts"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Callers, type Credentials, UserIdDeleted } from "../src/Callers.ts"
import { TokenKeysUnavailable } from "../src/TokenKeys.ts"
import { TokenInvalid, TokenVerifier } from "../src/TokenVerifier.ts"
import { env } from "./asking.ts"
import { alice, bob } from "./things.ts"

const customer: Caller = { _tag: "Customer", userId: alice }
const staffKey: Caller = { _tag: "Staff", id: "staff-key" }

const KEY = "open-sesame"

/** `alice` and `clerk` are tokens that hold, `outage` one whose key cannot be fetched, the rest are none. */
const Verifier = Layer.succeed(TokenVerifier, {
  known: () => Effect.undefined,
  verify: (token) => {
    if (token === "alice") return Effect.succeed({ caller: customer, expiresAt: 1000 })
    if (token === "clerk") return Effect.succeed({ caller: { _tag: "Staff", id: bob }, expiresAt: 1000 })
    if (token === "outage") return Effect.fail(new TokenKeysUnavailable({ reason: "down" }))
    return Effect.fail(new TokenInvalid({ reason: "The token has expired. Get a new one." }))
  }
})

const nothing: Credentials = {
  authorization: undefined,
  staffKey: undefined,
  userId: undefined,
  peer: "203.0.113.9",
  client: "203.0.113.9"
}

const withCallers = (variables: Record<string, string> = {}, deleted = false) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Callers.layer.pipe(
        Layer.provide(Verifier),
        Layer.provide([
          env({ STAFF_API_KEY: KEY, ...variables }),
          Layer.succeed(UserIdDeleted, deleted)
        ])
      )
    )
    const callers = yield* Effect.provideContext(Callers, context)
    const outcome = (credentials: Partial<Credentials>) =>
      callers.identify({ ...nothing, ...credentials }).pipe(
        Effect.catch(({ detail, status }) => Effect.succeed(`${status} ${detail}`))
      )
    return { callers, outcome }
  })

const trusted = { AUTH_MODE: "trusted-header" }

describe("In jwt mode", () => {
  it.effect("the caller is whom the token or the staff key stands for", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers()
      assert.deepStrictEqual(yield* outcome({ authorization: "Bearer alice" }), customer)
      assert.deepStrictEqual(yield* outcome({ authorization: "bearer  alice " }), customer)
      assert.deepStrictEqual(yield* outcome({ authorization: "Bearer clerk" }), { _tag: "Staff", id: bob })
      assert.deepStrictEqual(yield* outcome({ staffKey: KEY }), staffKey)
    }))

  it.effect("missing, malformed and bad credentials are 401, each with what to do", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers()
      const cases: ReadonlyArray<[Partial<Credentials>, string]> = [
        [{}, "401 Send a bearer token in the Authorization header, or X-Staff-API-Key."],
        [{ authorization: "alice" }, "401 The Authorization header must be \"Bearer <token>\"."],
        [{ authorization: "Bearer " }, "401 The Authorization header must be \"Bearer <token>\"."],
        [{ authorization: "Bearer alice bob" }, "401 The Authorization header must be \"Bearer <token>\"."],
        [{ authorization: "Basic YTpi" }, "401 The Authorization header must be \"Bearer <token>\"."],
        [{ authorization: "Bearer old" }, "401 The token has expired. Get a new one."],
        [{ staffKey: "guess" }, "401 The X-Staff-API-Key is not the store's."],
        [{ staffKey: "" }, "401 The X-Staff-API-Key is not the store's."],
        [{ staffKey: `${KEY}, ${KEY}` }, "401 The X-Staff-API-Key is not the store's."]
      ]
      for (const [credentials, expected] of cases) assert.strictEqual(yield* outcome(credentials), expected)
    }))

  it.effect("a staff key that is sent decides alone; a wrong one is not passed over for a good token", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers()
      assert.deepStrictEqual(yield* outcome({ staffKey: KEY, authorization: "Bearer alice" }), staffKey)
      assert.deepStrictEqual(yield* outcome({ staffKey: KEY, authorization: "Bearer old" }), staffKey)
      assert.match(String(yield* outcome({ staffKey: "guess", authorization: "Bearer alice" })), /^401/)
    }))

  it.effect("X-User-ID means nothing, whoever sends it", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers({ TRUSTED_PROXIES: "10.0.0.0/8" })
      assert.match(String(yield* outcome({ userId: alice, peer: "10.0.0.1" })), /^401/)
      assert.match(String(yield* outcome({ userId: alice, peer: "127.0.0.1" })), /^401/)
      assert.deepStrictEqual(yield* outcome({ userId: bob, peer: "10.0.0.1", authorization: "Bearer alice" }), customer)
    }))

  it.effect("503 with Retry-After while a token cannot be checked: it may well be good", () =>
    Effect.gen(function*() {
      const { callers } = yield* withCallers()
      const problem = yield* Effect.flip(callers.identify({ ...nothing, authorization: "Bearer outage" }))
      assert.strictEqual(problem.status, 503)
      assert.strictEqual("retryAfter" in problem ? problem.retryAfter : undefined, 5)
    }))
})

describe("In trusted-header mode", () => {
  it.effect("a gateway that deletes X-User-ID says so, for no proxy would help", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers(trusted, true)
      assert.match(String(yield* outcome({})), /^401 .*this gateway deletes X-User-ID/)
      assert.match(String(yield* (yield* withCallers(trusted)).outcome({})), /^401 .*through a trusted proxy/)
    }))

  it.effect("X-User-ID names the customer when it comes from a trusted proxy", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers({ ...trusted, TRUSTED_PROXIES: "10.0.0.0/8" })
      assert.deepStrictEqual(yield* outcome({ userId: alice, peer: "10.0.0.1" }), customer)
      assert.deepStrictEqual(yield* outcome({ userId: alice.toUpperCase(), peer: "::ffff:10.0.0.1" }), customer)
      assert.match(String(yield* outcome({ userId: alice, peer: "203.0.113.9" })), /^401 .*TRUSTED_PROXIES/)
      assert.match(String(yield* outcome({ userId: alice, peer: undefined })), /^401/)
    }))

  it.effect("the socket counts, not the address that a proxy reports", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers({ ...trusted, TRUSTED_PROXIES: "10.0.0.0/8" })
      assert.match(String(yield* outcome({ userId: alice, peer: "203.0.113.9", client: "10.0.0.1" })), /^401/)
    }))

  it.effect("loopback is trusted in development and not in production", () =>
    Effect.gen(function*() {
      const development = yield* withCallers(trusted)
      assert.deepStrictEqual(yield* development.outcome({ userId: alice, peer: "127.0.0.1" }), customer)
      assert.deepStrictEqual(yield* development.outcome({ userId: alice, peer: "::1" }), customer)
      const production = yield* withCallers({ ...trusted, GSTORE_ENV: "production", TRUSTED_PROXIES: "10.0.0.0/8" })
      assert.match(String(yield* production.outcome({ userId: alice, peer: "127.0.0.1" })), /^401/)
      assert.deepStrictEqual(yield* production.outcome({ userId: alice, peer: "10.0.0.1" }), customer)
    }))

  it.effect("only one UUID is a user; a token is none; the staff key is as ever", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers(trusted)
      for (const userId of ["alice", "", `${alice}, ${bob}`, `${alice}\u0000`]) {
        assert.strictEqual(yield* outcome({ userId, peer: "127.0.0.1" }), "401 X-User-ID must be one UUID.")
      }
      assert.match(String(yield* outcome({ authorization: "Bearer alice", peer: "127.0.0.1" })), /^401 Send X-User-ID/)
      assert.deepStrictEqual(yield* outcome({ staffKey: KEY, userId: alice, peer: "127.0.0.1" }), staffKey)
    }))
})

describe("Failed authentications", () => {
  const failing = { authorization: "Bearer old" }

  it.effect("of one address are 429 after a burst of 200, and again 50 a second later", () =>
    Effect.gen(function*() {
      const { callers, outcome } = yield* withCallers()
      const statuses = (n: number) =>
        Effect.map(Effect.replicateEffect(outcome(failing), n), (all) => all.map((one) => String(one).slice(0, 3)))
      assert.isTrue((yield* statuses(200)).every((status) => status === "401"))
      const problem = yield* Effect.flip(callers.identify({ ...nothing, ...failing }))
      assert.strictEqual(problem.status, 429)
      assert.strictEqual("retryAfter" in problem ? problem.retryAfter : undefined, 1)
      yield* TestClock.adjust("1 second")
      const next = yield* statuses(60)
      assert.strictEqual(next.filter((status) => status === "401").length, 50)
      assert.strictEqual(next.filter((status) => status === "429").length, 10)
    }))

  it.effect("of one address are nothing to another", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers()
      yield* Effect.replicateEffect(outcome(failing), 250)
      assert.match(String(yield* outcome({ ...failing, client: "203.0.113.10" })), /^401/)
      assert.deepStrictEqual(yield* outcome({ authorization: "Bearer alice", client: "203.0.113.10" }), customer)
    }))

  it.effect("stop guessing: once there are too many, the right key is refused as well", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers()
      yield* Effect.replicateEffect(outcome({ staffKey: "guess" }), 250)
      assert.match(String(yield* outcome({ staffKey: KEY })), /^429/)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* outcome({ staffKey: KEY }), staffKey)
    }))

  it.effect("do not shut out callers behind the same address whose tokens were verified a while ago", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(
        Callers.layer.pipe(
          Layer.provide(Layer.effect(
            TokenVerifier,
            Effect.map(TokenVerifier, (verifier) => ({
              ...verifier,
              known: (token: string) =>
                Effect.option(verifier.verify(token)).pipe(
                  Effect.map((found) => found._tag === "Some" ? found.value : undefined)
                )
            }))
          )),
          Layer.provide(Verifier),
          Layer.provide(env({ STAFF_API_KEY: KEY }))
        )
      )
      const { identify } = yield* Effect.provideContext(Callers, context)
      yield* Effect.replicateEffect(Effect.ignore(identify({ ...nothing, ...failing })), 250)
      assert.deepStrictEqual(yield* identify({ ...nothing, authorization: "Bearer alice" }), customer)
    }))

  it.effect("are not counted where they succeed, nor where they could not be checked", () =>
    Effect.gen(function*() {
      const { outcome } = yield* withCallers()
      yield* Effect.replicateEffect(outcome({ authorization: "Bearer alice" }), 300)
      yield* Effect.replicateEffect(outcome({ authorization: "Bearer outage" }), 300)
      assert.match(String(yield* outcome(failing)), /^401/)
    }))
})
