import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { type Call, StoreClient } from "../src/demo/StoreClient.ts"

/** A store that is not there for the first request and answers every later one. */
const lateStore = Effect.sync(() => {
  let asked = 0
  const client = HttpClient.make((request) =>
    Effect.suspend(() =>
      ++asked === 1
        ? Effect.fail(
          new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request }) })
        )
        : Effect.succeed(HttpClientResponse.fromWeb(request, new Response("{}", { status: 200 })))
    )
  )
  return {
    asked: () => asked,
    layer: Layer.provide(
      StoreClient.layer("http://store.test", "1 minute"),
      Layer.succeed(HttpClient.HttpClient, client)
    )
  }
})

const sent = Effect.fnUntraced(function*(call: Call) {
  const { asked, layer } = yield* lateStore
  const calling = yield* StoreClient.pipe(
    Effect.flatMap((store) => store.call(call)),
    Effect.provide(layer),
    Effect.exit,
    Effect.forkChild
  )
  yield* TestClock.adjust("2 minutes")
  return { exit: yield* Fiber.join(calling), asked: asked() }
})

const as = { token: "t" }

it.effect.each(
  [
    { method: "GET", path: "/", as },
    { method: "POST", path: "/", as, key: "k" },
    { method: "POST", path: "/", as, harmless: true }
  ] satisfies ReadonlyArray<Call>
)(
  "repeats what a store that is just starting did not answer: %j",
  (call) =>
    Effect.map(sent(call), ({ asked, exit }) => {
      assert.strictEqual(exit._tag, "Success")
      assert.strictEqual(asked, 2)
    })
)

it.effect("sends a POST without a key once only", () =>
  Effect.map(sent({ method: "POST", path: "/", as }), ({ asked, exit }) => {
    assert.strictEqual(exit._tag, "Failure")
    assert.strictEqual(asked, 1)
  }))
