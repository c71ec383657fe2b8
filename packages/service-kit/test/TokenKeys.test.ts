import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Ref, Schema } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { TokenKeys } from "../src/TokenKeys.ts"
import { TokenVerifier } from "../src/TokenVerifier.ts"
import { env } from "./asking.ts"
import { alice } from "./things.ts"
import { AUDIENCE, ISSUER, makeSigner, type Signer } from "./tokens.ts"

class Down extends Schema.TaggedError<Down>()("Down", {}) {}

const URL = "https://id.example/jwks.json"

/** An identity provider whose published keys a test changes, and takes away. */
const provider = (initial: Signer | "down") =>
  Effect.gen(function*() {
    const published = yield* Ref.make<Signer | "down" | "garbage">(initial)
    const asked = yield* Ref.make(0)
    const client = HttpClient.make((request) =>
      Effect.gen(function*() {
        yield* Ref.update(asked, (n) => n + 1)
        const now = yield* Ref.get(published)
        if (now === "down") {
          return yield* new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: new Down() })
          })
        }
        const body = now === "garbage" ? "<html>" : JSON.stringify(now.jwks)
        return HttpClientResponse.fromWeb(
          request,
          new Response(body, { headers: { "content-type": "application/json" } })
        )
      })
    )
    const context = yield* Layer.build(
      TokenVerifier.layer.pipe(
        Layer.provide(TokenKeys.layerRemote(URL)),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
        Layer.provide(env({ AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE, AUTH_JWKS_URL: URL }))
      )
    )
    const verifier = yield* Effect.provideContext(TokenVerifier, context)
    const outcome = (signer: Signer, sub: string = alice) =>
      Effect.flatMap(signer.sign({ sub }), (token) =>
        verifier.verify(token).pipe(Effect.as("verified"), Effect.catch((error) => Effect.succeed(error._tag))))
    return {
      publish: (next: Signer | "down" | "garbage") =>
        Ref.set(published, next),
      outcome,
      asked: Ref.get(asked)
    }
  })

describe("The issuer's keys", () => {
  it.effect("are fetched once for many tokens", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const { asked, outcome } = yield* provider(signer)
      const users = Array.from({ length: 20 }, (_, n) => `user ${n}`)
      const outcomes = yield* Effect.forEach(users, (sub) => outcome(signer, sub), { concurrency: 20 })
      assert.isTrue(outcomes.every((one) => one === "verified"))
      assert.strictEqual(yield* asked, 1)
    }))

  it.effect("are fetched anew when a token names an unknown one, so that a rotation needs no restart", () =>
    Effect.gen(function*() {
      const old = yield* makeSigner("k1")
      const young = yield* makeSigner("k2")
      const { outcome, publish } = yield* provider(old)
      assert.strictEqual(yield* outcome(old), "verified")
      yield* publish(young)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* outcome(young), "verified")
      assert.strictEqual(yield* outcome(old, "somebody else"), "TokenInvalid")
    }))

  it.effect("are asked for at most every 10 seconds, however many tokens name unknown ones", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const stranger = yield* makeSigner("k9")
      const { asked, outcome } = yield* provider(signer)
      yield* outcome(signer)
      const flood = Effect.forEach(Array.from({ length: 50 }, (_, n) => `user ${n}`), (sub) => outcome(stranger, sub), {
        concurrency: 50
      })
      assert.isTrue((yield* flood).every((one) => one === "TokenInvalid"))
      assert.strictEqual(yield* asked, 1)
      yield* TestClock.adjust("10 seconds")
      yield* flood
      assert.strictEqual(yield* asked, 2)
    }))

  it.effect("stay good while the issuer does not answer; only a token with an unknown key has to wait", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const young = yield* makeSigner("k2")
      const { outcome, publish } = yield* provider(signer)
      assert.strictEqual(yield* outcome(signer), "verified")
      yield* publish("down")
      yield* TestClock.adjust("40 minutes")
      assert.strictEqual(yield* outcome(signer, "a new user"), "verified")
      assert.strictEqual(yield* outcome(young), "TokenKeysUnavailable")
      yield* publish(young)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* outcome(young), "verified")
    }))

  it.effect("are waited for when the issuer is not there yet at the start, or answers with something else", () =>
    Effect.gen(function*() {
      const signer = yield* makeSigner("k1")
      const { outcome, publish } = yield* provider("down")
      assert.strictEqual(yield* outcome(signer), "TokenKeysUnavailable")
      yield* publish("garbage")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* outcome(signer), "TokenKeysUnavailable")
      yield* publish(signer)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* outcome(signer), "verified")
    }))

  it.effect("are given up on after 2 seconds, not waited for by every request", () =>
    Effect.gen(function*() {
      const hung = yield* Deferred.make<never>()
      const context = yield* Layer.build(
        TokenKeys.layerRemote(URL).pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Deferred.await(hung))))
        )
      )
      const keys = yield* Effect.provideContext(TokenKeys, context)
      const waiting = yield* Effect.forkChild(Effect.flip(keys.current))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "TokenKeysUnavailable")
    }))
})
