import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { makeStoreApi, StoreProblem, StoreUnreachable } from "../src/StoreApi.ts"

interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly body: unknown
}

type Answer = Response | "lost"

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } })

/** A store that answers in turn. */
const answering = (...answers: ReadonlyArray<Answer>) => {
  const asked: Array<Asked> = []
  const left = [...answers]
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const body = init?.body
    asked.push({
      method: init?.method ?? "GET",
      url: String(input),
      headers: new Headers(init?.headers),
      body: typeof body === "string" ? JSON.parse(body) : undefined
    })
    const answer = left.shift() ?? "lost"
    if (answer === "lost") throw new TypeError("fetch failed")
    return answer
  }
  const api = makeStoreApi({ baseUrl: "http://store/", token: () => "t", fetch })
  return { api, asked }
}

/** Lets all the waiting between tries pass. */
const settled = async <A>(promise: Promise<A>): Promise<A | Error> => {
  const outcome = promise.catch((error: unknown) => error instanceof Error ? error : new Error(String(error)))
  await vi.runAllTimersAsync()
  return await outcome
}

const keysOf = (asked: ReadonlyArray<Asked>) => new Set(asked.map(({ headers }) => headers.get("idempotency-key")))

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe("The store's API", () => {
  it("sends who asks, what is wanted and a key that makes it safe to repeat", async () => {
    const { api, asked } = answering(json(201, { orderId: "o" }))
    assert.deepStrictEqual(await settled(api.orders.create({ amount: 1500 })), { orderId: "o" })
    const [request] = asked
    assert.strictEqual(request?.method, "POST")
    assert.strictEqual(request?.url, "http://store/api/orders/v1/orders")
    assert.deepStrictEqual(request?.body, { amount: 1500 })
    assert.strictEqual(request?.headers.get("authorization"), "Bearer t")
    assert.match(request?.headers.get("idempotency-key") ?? "", /^[0-9a-f]{32}$/)
  })

  it("sends a change again with the same key when its answer is lost, or the store is busy", async () => {
    const busy = json(503, { type: "urn:g-store:service-unavailable", detail: "busy" }, { "retry-after": "2" })
    const { api, asked } = answering("lost", busy, json(201, { orderId: "o" }))
    assert.deepStrictEqual(await settled(api.orders.create({ amount: 1500 })), { orderId: "o" })
    assert.strictEqual(asked.length, 3)
    assert.strictEqual(keysOf(asked).size, 1)
  })

  it("waits as long as the store asks before it tries again", async () => {
    const { api, asked } = answering(json(429, {}, { "retry-after": "7" }), json(200, {}))
    const reading = api.accounts.mine()
    await vi.advanceTimersByTimeAsync(6_900)
    assert.strictEqual(asked.length, 1)
    await vi.advanceTimersByTimeAsync(200)
    assert.strictEqual(asked.length, 2)
    await reading
  })

  it("waits for its own twin, which is still being worked on", async () => {
    const inUse = json(409, { type: "urn:g-store:idempotency-key-in-use" }, { "retry-after": "1" })
    const { api, asked } = answering(inUse, json(201, { orderId: "o" }))
    assert.deepStrictEqual(await settled(api.orders.create({ amount: 1 }, { idempotencyKey: "mine" })), {
      orderId: "o"
    })
    assert.deepStrictEqual([...keysOf(asked)], ["mine"])
    assert.strictEqual(asked.length, 2)
  })

  it("gives up after three tries and says that it is not known what happened", async () => {
    const { api, asked } = answering()
    assert.instanceOf(await settled(api.orders.create({ amount: 1 })), StoreUnreachable)
    assert.strictEqual(asked.length, 3)
  })

  it("does not repeat what will not fare better, and gives the problem whole", async () => {
    const detail = "An order that is ISSUED cannot become CANCELLED."
    const { api, asked } = answering(
      json(409, { type: "urn:g-store:transition-not-allowed", detail, traceId: "abc", from: "ISSUED" })
    )
    const error = await settled(api.orders.cancel("o"))
    assert.strictEqual(asked.length, 1)
    assert.instanceOf(error, StoreProblem)
    if (!(error instanceof StoreProblem)) return
    assert.deepStrictEqual(
      [error.status, error.type, error.message, error.traceId, error.members["from"]],
      [409, "urn:g-store:transition-not-allowed", detail, "abc", "ISSUED"]
    )
  })

  it("makes a readable problem of an answer that is none", async () => {
    const { api } = answering(new Response("<h1>teapot</h1>", { status: 418 }))
    const error = await settled(api.accounts.mine())
    assert.strictEqual(error instanceof StoreProblem && error.detail, "The store answered 418.")
  })

  it("says which version a decision was about", async () => {
    const { api, asked } = answering(new Response(null, { status: 204 }))
    assert.isUndefined(await settled(api.staff.move("o", "ASSEMBLING", { ifVersion: 2 })))
    assert.strictEqual(asked[0]?.headers.get("if-match"), "\"2\"")
    assert.deepStrictEqual(asked[0]?.body, { status: "ASSEMBLING" })
  })

  it("asks for pages by the cursor that the one before gave, beginning with an empty one", async () => {
    const { api, asked } = answering(json(200, { orders: [] }), json(200, { orders: [] }))
    await settled(api.orders.list({ limit: 5 }))
    await settled(api.orders.list({ cursor: "a b", status: "PAID" }))
    assert.deepStrictEqual(asked.map(({ url }) => new URL(url).search), [
      "?cursor=&limit=5",
      "?cursor=a%20b&status=PAID"
    ])
  })
})
