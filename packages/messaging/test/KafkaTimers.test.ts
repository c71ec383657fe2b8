import { assert, describe, it, vi } from "@effect/vitest"
import RequestQueue from "kafkajs/src/network/requestQueue/index.js"
import { quietTimers } from "../src/kafka/timers.ts"

/** A queue of requests to a broker that does not throttle, as kafkajs keeps one for each connection. */
const queue = (pending: ReadonlyArray<unknown>): RequestQueue =>
  Object.assign(Object.create(RequestQueue.prototype), { pending, throttledUntil: -1, throttleCheckTimeoutId: null })

describe("quietTimers", () => {
  quietTimers()

  it("keeps kafkajs from asking for a timer that nobody needs, with a delay that lies in the past", () => {
    const setTimeout = vi.spyOn(globalThis, "setTimeout")
    queue([]).scheduleCheckPendingRequests()
    assert.lengthOf(setTimeout.mock.calls, 0)
    setTimeout.mockRestore()
  })

  it("leaves the timer that looks after requests that wait", () => {
    const setTimeout = vi.spyOn(globalThis, "setTimeout").mockReturnValue(undefined!)
    queue(["a request"]).scheduleCheckPendingRequests()
    assert.deepStrictEqual(setTimeout.mock.calls.map(([, delay]) => delay), [10])
    setTimeout.mockRestore()
  })
})
