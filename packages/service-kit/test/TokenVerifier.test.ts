import { assert, describe, it } from "@effect/vitest"
import { UserId } from "@g-store/contracts/Ids.ts"
import { Effect, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { SignJWT } from "jose"
import { makeTokenCache } from "../src/TokenCache.ts"
import { TokenKeys } from "../src/TokenKeys.ts"
import { TokenVerifier, type Verified } from "../src/TokenVerifier.ts"
import { env } from "./asking.ts"
import { alice } from "./things.ts"
import { AUDIENCE, ISSUER, makeSigner, type Signer } from "./tokens.ts"

const settings = { AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE, AUTH_JWKS_URL: "https://id.example/jwks.json" }

/** A verifier that knows the keys of `signers`. */
const verifierFor = (signers: ReadonlyArray<Signer>, variables: Record<string, string> = {}) =>
  Effect.map(
    Layer.build(TokenVerifier.layer.pipe(
      Layer.provide(TokenKeys.layerLocal({ keys: signers.flatMap(({ jwks }) => jwks.keys) })),
      Layer.provide(env({ ...settings, ...variables }))
    )),
    (context) => context
  ).pipe(Effect.flatMap((context) => Effect.provideContext(TokenVerifier, context)))

const refusal = (verifier: TokenVerifier["Service"], token: string) =>
  Effect.map(Effect.flip(verifier.verify(token)), (error) => `${error._tag}: ${error.reason}`)

describe("A token", () => {
  it.effect("stands for a customer, or for staff by its role", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const { verify } = yield* verifierFor([signer])
      const customer = { caller: { _tag: "Customer", userId: alice }, expiresAt: 3_600_000 } as const
      assert.deepStrictEqual(yield* verify(yield* signer.sign({ sub: alice })), customer)
      assert.deepStrictEqual(yield* verify(yield* signer.sign({ sub: alice.toUpperCase(), role: "admin" })), customer)
      const staff = yield* verify(yield* signer.sign({ sub: alice, role: "staff" }))
      assert.deepStrictEqual(staff.caller, { _tag: "Staff", id: alice })
      const several = yield* verify(yield* signer.sign({ sub: alice, role: ["reader", "staff"] }))
      assert.deepStrictEqual(several.caller, { _tag: "Staff", id: alice })
    }))

  it.effect("is read by the claims that are configured, nested ones too", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const { verify } = yield* verifierFor([signer], {
        AUTH_USER_CLAIM: "https://shop.example/uid",
        AUTH_ROLE_CLAIM: "realm_access.roles",
        AUTH_STAFF_VALUE: "clerk"
      })
      const token = yield* signer.sign({ "https://shop.example/uid": alice, realm_access: { roles: ["clerk"] } })
      assert.deepStrictEqual((yield* verify(token)).caller, { _tag: "Staff", id: alice })
      const other = yield* signer.sign({ "https://shop.example/uid": alice, role: "clerk", realm_access: null })
      assert.deepStrictEqual((yield* verify(other)).caller, { _tag: "Customer", userId: alice })
    }))

  it.effect("of a user that is no UUID stands for one that never changes", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const { verify } = yield* verifierFor([signer])
      const { caller } = yield* verify(yield* signer.sign({ sub: "alice" }))
      assert.deepStrictEqual(caller, { _tag: "Customer", userId: UserId.make("22f88f7e-c03d-5f41-b813-5cfc38f76390") })
    }))

  it.effect("is refused with a reason that its bearer can act on", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const forger = yield* makeSigner("k1")
      const stranger = yield* makeSigner("k2")
      const verifier = yield* verifierFor([signer])
      const cases: ReadonlyArray<[string, string]> = [
        [yield* signer.sign({ sub: alice, exp: -60 }), "The token has expired. Get a new one."],
        [yield* signer.sign({ sub: alice, iss: "https://other" }), "The token's iss claim does not hold here."],
        [yield* signer.sign({ sub: alice, aud: "other" }), "The token's aud claim does not hold here."],
        [yield* signer.sign({ sub: alice, nbf: 600 }), "The token's nbf claim does not hold here."],
        [yield* signer.sign({ sub: alice }, { withoutExpiry: true }), "The token's exp claim does not hold here."],
        [yield* signer.sign({}), "The token has no sub claim."],
        [yield* signer.sign({ sub: "" }), "The token has no sub claim."],
        [yield* forger.sign({ sub: alice }), "The token's signature does not verify."],
        [yield* stranger.sign({ sub: alice }), "The token is signed with a key that its issuer does not publish."],
        ["not.a.jwt", "The token is not a JWT that can be read."],
        ["x", "The token is not a JWT that can be read."]
      ]
      for (const [token, reason] of cases) {
        assert.strictEqual(yield* refusal(verifier, token), `TokenInvalid: ${reason}`)
      }
    }))

  it.effect("is never believed unsigned, nor signed with the public key as a secret", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const verifier = yield* verifierFor([signer])
      const [, payload = ""] = (yield* signer.sign({ sub: alice })).split(".")
      const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url")
      assert.match(yield* refusal(verifier, `${none}.${payload}.`), /^TokenInvalid/)
      const [key] = signer.jwks.keys
      const secret = new TextEncoder().encode(JSON.stringify(key))
      const hmac = yield* Effect.promise(() =>
        new SignJWT({ sub: alice, iss: ISSUER, aud: AUDIENCE, exp: 3600 }).setProtectedHeader({
          alg: "HS256",
          kid: "k1"
        }).sign(secret)
      )
      assert.strictEqual(
        yield* refusal(verifier, hmac),
        "TokenInvalid: The token must be signed by EdDSA, ES256, RS256."
      )
    }))

  it.effect("verifies by each of the accepted algorithms, and by any fitting key when it names none", () =>
    Effect.gen(function*() {
      for (const alg of ["EdDSA", "ES256", "RS256"]) {
        const signer = yield* makeSigner("k1", alg)
        const { verify } = yield* verifierFor([signer])
        assert.strictEqual((yield* verify(yield* signer.sign({ sub: alice }))).caller._tag, "Customer")
      }
      const old = yield* makeSigner(undefined)
      const young = yield* makeSigner(undefined)
      const verifier = yield* verifierFor([old, young])
      for (const signer of [old, young]) {
        assert.strictEqual((yield* verifier.verify(yield* signer.sign({ sub: alice }))).caller._tag, "Customer")
      }
      const stranger = yield* makeSigner(undefined)
      assert.match(yield* refusal(verifier, yield* stranger.sign({ sub: alice })), /signature does not verify/)
    }))
})

describe("Verified tokens", () => {
  /** Keys that can be taken away, so that a token that is still accepted was remembered. */
  const revocable = Effect.gen(function*() {
    const signer = yield* makeSigner("k1")
    const stranger = yield* makeSigner("k2")
    const keys = yield* Ref.make(yield* keysOf(signer))
    const verifier = yield* Layer.build(TokenVerifier.layer.pipe(
      Layer.provide(Layer.succeed(TokenKeys, { current: Ref.get(keys), newerThan: () => Ref.get(keys) })),
      Layer.provide(env(settings))
    )).pipe(Effect.flatMap((context) => Effect.provideContext(TokenVerifier, context)))
    return { signer, verifier, revoke: Effect.flatMap(keysOf(stranger), (others) => Ref.set(keys, others)) }
  })
  const keysOf = (signer: Signer) =>
    Layer.build(TokenKeys.layerLocal(signer.jwks)).pipe(
      Effect.flatMap((context) => Effect.provideContext(TokenKeys, context)),
      Effect.flatMap((keys) => keys.current)
    )

  it.effect("are remembered for 5 minutes and no longer", () =>
    Effect.gen(function*() {
      const { revoke, signer, verifier } = yield* revocable
      const token = yield* signer.sign({ sub: alice })
      yield* verifier.verify(token)
      yield* revoke
      yield* TestClock.adjust("299 seconds")
      assert.isDefined(yield* verifier.known(token))
      yield* verifier.verify(token)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* verifier.known(token))
      assert.match(yield* refusal(verifier, token), /does not publish/)
    }))

  it.effect("are forgotten when they expire, however short that is", () =>
    Effect.gen(function*() {
      const { signer, verifier } = yield* revocable
      const token = yield* signer.sign({ sub: alice, exp: 60 })
      yield* verifier.verify(token)
      yield* TestClock.adjust("59 seconds")
      assert.isDefined(yield* verifier.known(token))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* verifier.known(token))
      // Five seconds are allowed for clocks that differ, checked anew each time.
      yield* TestClock.adjust("10 seconds")
      assert.match(yield* refusal(verifier, token), /expired/)
    }))

  it("are forgotten, oldest first, when there are too many", () => {
    const cache = makeTokenCache(2, 1000)
    const verified: Verified = { caller: { _tag: "Customer", userId: alice }, expiresAt: 1_000_000 }
    cache.set("a", verified, 0)
    cache.set("b", verified, 0)
    // Verified anew, so it is younger than b.
    cache.set("a", verified, 1)
    cache.set("c", verified, 1)
    assert.deepStrictEqual(["a", "b", "c"].map((token) => cache.get(token, 2)), [verified, undefined, verified])
  })
})
