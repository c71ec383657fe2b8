import { afterAll, assert, describe, it } from "vitest"
import { makeMemoryStore } from "../src/MemoryStore.ts"

const store = makeMemoryStore()
afterAll(store.close)
const ada = store.customer()
const staff = store.staff()

const id = "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10"
const statuses = "PENDING, PAID, ASSEMBLING, ASSEMBLED, DELIVERING, ISSUED, CANCELLED"
const uuid = "Expected a UUID"
const cursor = "Expected a cursor as nextCursor gave it, or an empty string"
const amount = "Expected a number from 1 to 1000000000000"
const json = "Expected valid JSON"
const object = "Expected a JSON object"
const missing = "Required, but not there"

interface Problem {
  readonly status: number
  readonly detail: string
  readonly errors: ReadonlyArray<{ readonly path: ReadonlyArray<string | number>; readonly message: string }>
}

const ask = async (as: { readonly token: string }, call: string, body?: string, headers = {}): Promise<Problem> => {
  const [method = "", path = ""] = call.split(" ")
  const response = await store.fetch(
    new Request(`http://store.test${path}`, {
      method,
      headers: { authorization: `Bearer ${as.token}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body })
    })
  )
  assert.strictEqual(response.status, 400, `${call} ${body}`)
  return response.json()
}

const ORDERS = "/api/orders/v1/orders"
const STAFF = "/api/orders/v1/staff/orders"
const ACCOUNTS = "/api/payments/v1/accounts"

/** The place of a fault and its words, for each body that is none. */
const bodies: ReadonlyArray<readonly [typeof ada | typeof staff, string, Record<string, string>]> = [
  [ada, `POST ${ORDERS}`, {
    "": object,
    "{": json,
    "null": object,
    "[]": object,
    "{}": `amount: ${missing}`,
    "{\"amount\":\"5\"}": "amount: Expected a number",
    "{\"amount\":null}": "amount: Expected a number",
    "{\"amount\":1.5}": "amount: Expected a whole number",
    "{\"amount\":0}": `amount: ${amount}`,
    "{\"amount\":1000000000001}": `amount: ${amount}`,
    "{\"amount\":9007199254740993}": "amount: Expected a whole number from 1 to 1000000000000",
    "{\"amount\":1e400}": "amount: Expected a whole number from 1 to 1000000000000",
    "{\"amount\":-1.5}": "amount: Expected a whole number from 1 to 1000000000000",
    "{\"amount\":1,\"description\":5}": "description: Expected a string",
    "{\"amount\":1,\"description\":\"\\u0000\"}":
      "description: Expected text without the character U+0000 and without halves of characters (lone surrogates)",
    [`{"amount":1,"description":"${"x".repeat(501)}"}`]: "description: Expected at most 500 characters"
  }],
  [ada, `POST ${ORDERS}/${id}/cancel`, {
    "[]": "Expected nothing or a JSON object",
    "{\"cancellationReason\":\"OUT_OF_STOCK\"}": "cancellationReason: Expected CHANGED_MIND"
  }],
  [staff, `PATCH ${STAFF}/${id}/status`, {
    "": object,
    "{}": `status: ${missing}`,
    "{\"status\":\"Paid\"}": `status: Expected one of ${statuses}`,
    "{\"status\":null}": `status: Expected one of ${statuses}`
  }],
  [staff, `POST ${STAFF}/${id}/cancel`, {
    "": object,
    "{}": `cancellationReason: ${missing}`,
    "{\"cancellationReason\":\"CHANGED_MIND\"}":
      "cancellationReason: Expected one of OUT_OF_STOCK, DELIVERY_UNAVAILABLE"
  }],
  [ada, `PATCH ${ACCOUNTS}/${id}`, { "": object, "{}": `amount: ${missing}`, "{\"amount\":0}": `amount: ${amount}` }]
]

const urls: ReadonlyArray<readonly [typeof ada | typeof staff, string, string]> = [
  [ada, `GET ${ORDERS}?limit=0`, "limit: Expected a number from 1 to 100"],
  [ada, `GET ${ORDERS}?limit=x`, "limit: Expected a number"],
  [ada, `GET ${ORDERS}?limit=1.5`, "limit: Expected a whole number"],
  [ada, `GET ${ORDERS}?limit=1&limit=2`, "limit: Expected one value, not several"],
  [ada, `GET ${ORDERS}?page=0`, "page: Expected a number from 1 to 1000000000"],
  [ada, `GET ${ORDERS}?status=paid`, `status: Expected one of ${statuses}`],
  [ada, `GET ${ORDERS}?status=PAID&status=PENDING`, "status: Expected one value, not several"],
  [staff, `GET ${STAFF}?userId=${id}&userId=${id}`, "userId: Expected one value, not several"],
  [ada, `GET ${ORDERS}?cursor=zzz`, `cursor: ${cursor}`],
  [ada, `GET ${ORDERS}?cursor=abc`, `cursor: ${cursor}`],
  [ada, `GET ${ORDERS}/abc`, `id: ${uuid}`],
  [ada, `GET ${ORDERS}/abc/history`, `id: ${uuid}`],
  [staff, `GET ${STAFF}?userId=me`, `userId: ${uuid}`],
  [staff, `GET ${STAFF}?status=`, `status: Expected one of ${statuses}`],
  [ada, `GET ${ACCOUNTS}/mine`, `id: ${uuid}`],
  [ada, `GET ${ACCOUNTS}/${id}/transactions?cursor=-1`, `cursor: ${cursor}`],
  [ada, `GET /api/payments/v1/payments/1`, `orderId: ${uuid}`],
  [ada, `GET /api/notifications/v1/orders/1/events`, `orderId: ${uuid}`],
  [
    ada,
    `GET /api/notifications/v1/orders/${id}/events?afterVersion=-1`,
    "afterVersion: Expected a number from 0 to 9007199254740991"
  ],
  [
    ada,
    `GET /api/notifications/v1/orders/${id}/events?afterVersion=1e20`,
    "afterVersion: Expected a whole number from 0 to 9007199254740991"
  ],
  [ada, `GET /api/notifications/v1/orders/${id}/events?afterVersion=x`, "afterVersion: Expected a number"]
]

const headers: ReadonlyArray<readonly [Record<string, string>, string]> = [
  [{ "idempotency-key": "" }, "idempotency-key: Expected at least 1 character"],
  [{ "idempotency-key": "k".repeat(256) }, "idempotency-key: Expected at most 255 characters"],
  [{ "if-match": "1" }, "if-match: Expected an ETag in quotation marks, found \"1\""]
]

/** As somebody reads it: where, and what is expected there. */
const words = ({ detail, errors: [first] }: Problem): string => {
  assert.isDefined(first, detail)
  const where = first.path.join(".").toLowerCase()
  assert.include(detail.toLowerCase(), where)
  return where === "" ? first.message : `${first.path.join(".")}: ${first.message}`
}

describe("What is wrong with a request is said in words that need no code:", () => {
  it.each(
    bodies.flatMap(([as, call, texts]) => Object.entries(texts).map(([body, said]) => ({ as, call, body, said })))
  )(
    "$call $body",
    async ({ as, body, call, said }) => {
      assert.strictEqual(words(await ask(as, call, body)), said)
    }
  )
  it.each(urls.map(([as, call, said]) => ({ as, call, said })))("$call", async ({ as, call, said }) => {
    assert.strictEqual(words(await ask(as, call)), said)
  })
  it.each(headers.map(([sent, said]) => ({ sent, said })))("$said", async ({ said, sent }) => {
    const order = await ada.orders.create({ amount: 1 })
    const problem = await ask(ada, `POST ${ORDERS}/${order.orderId}/cancel`, "{}", sent)
    assert.strictEqual(words(problem).replace("If-Match", "if-match"), said)
  })
})
