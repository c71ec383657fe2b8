import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { readClientFrame } from "../src/ClientFrames.ts"
import { orderId } from "./fixtures.ts"

const one = { type: "subscribe", orderId: orderId(1) }
const notJson = "This is not a JSON object. Send one a frame, as asyncapi.json describes them."
const types = "type must be one of authenticate, subscribe, unsubscribe, ping; it is"

const cases: ReadonlyArray<readonly [unknown, string]> = [
  ["{", notJson],
  [null, notJson],
  [[], notJson],
  ["ping", notJson],
  [{}, `${types} nothing.`],
  [{ type: "pong" }, `${types} "pong".`],
  [{ type: 1 }, `${types} 1.`],
  [{ type: "toString" }, `${types} "toString".`],
  [{ type: "subscribe" }, "\"subscribe\" needs an orderId or a scope."],
  [{ type: "unsubscribe", orderID: orderId(1) }, "\"unsubscribe\" needs an orderId or a scope."],
  [{ type: "subscribe", orderId: "1" }, "orderId must be a UUID."],
  [{ type: "subscribe", orderId: 1 }, "orderId must be a string."],
  [{ ...one, afterVersion: -1 }, "afterVersion must be a whole number from 0 to 9007199254740991."],
  [{ ...one, afterVersion: 1.5 }, "afterVersion must be a whole number from 0 to 9007199254740991."],
  [{ ...one, afterVersion: 1e20 }, "afterVersion must be a whole number from 0 to 9007199254740991."],
  [{ ...one, afterVersion: "1" }, "afterVersion must be a number."],
  [{ type: "subscribe", scope: "theirs" }, "scope must be \"mine\" or \"all\"."],
  [{ type: "subscribe", scope: "mine", versions: [] }, "versions must be an object."],
  [
    { type: "subscribe", scope: "mine", versions: { [orderId(1)]: null } },
    `versions.${orderId(1)} must be a number.`
  ],
  [{ type: "authenticate" }, "token is required."],
  [{ type: "authenticate", token: 1 }, "token must be a string."]
]

const fault = (frame: unknown) =>
  Result.getOrThrow(Result.flip(readClientFrame(frame === "{" ? "{" : JSON.stringify(frame))))

describe("a client's frame that cannot be taken", () => {
  for (const [frame, message] of cases) {
    it(`${JSON.stringify(frame)} is told: ${message}`, () => {
      assert.strictEqual(fault(frame).message, message)
    })
  }

  it("is told for the subscription that it was about, where that can be read", () => {
    assert.deepStrictEqual(fault({ ...one, orderId: orderId(1).toUpperCase(), afterVersion: -1 }).about, {
      orderId: orderId(1)
    })
    assert.deepStrictEqual(fault({ type: "subscribe", scope: "mine", versions: 1 }).about, { scope: "mine" })
    assert.deepStrictEqual(fault({ type: "subscribe", orderId: "1" }).about, {})
  })

  it("is told in a few words, however long it is", () => {
    assert.isBelow(fault({ type: "x".repeat(10_000) }).message.length, 200)
    assert.isBelow(
      fault({ type: "subscribe", scope: "mine", versions: { ["x".repeat(10_000)]: -1 } }).message.length,
      200
    )
  })
})
