import { assert, describe, it } from "@effect/vitest"
import { MAX_AMOUNT, MAX_BALANCE } from "@g-store/contracts/Amount.ts"
import { Array, Effect, Schema } from "effect"
import type { Scope } from "effect"
import { type Answer, makeApi, Outage, StoreTest } from "./api.ts"
import { balanceOf, lift, openAccounts, settle } from "./books.ts"
import { accountId, ada, bob, cancelled, created, orderId } from "./fixtures.ts"

const test = (
  behaviour: string,
  body: Effect.Effect<void, unknown, Scope.Scope | Effect.Services<typeof makeApi> | Outage>
) => it.live(behaviour, () => Effect.provide(body, StoreTest))

const problem = ({ body, headers, status }: Answer) => {
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
  const { detail, error, type } = Schema.decodeUnknownSync(
    Schema.Struct({ type: Schema.String, detail: Schema.String, error: Schema.String })
  )(body)
  assert.strictEqual(error, detail)
  return [status, type.replace("urn:g-store:", "")]
}

const mine = `/v1/accounts/${accountId(1)}`

describe("opening an account", () => {
  test(
    "gives its id, and it is there",
    Effect.gen(function*() {
      const api = yield* makeApi
      const opened = yield* api(ada, "POST /v1/accounts")
      assert.strictEqual(opened.status, 201)
      const { id } = Schema.decodeUnknownSync(Schema.Struct({ id: Schema.String }))(opened.body)
      for (const path of ["/v1/accounts/me", `/v1/accounts/${id}`, `/v1/accounts/${id.toUpperCase()}`]) {
        const { body, status } = yield* api(ada, `GET ${path}`)
        assert.strictEqual(status, 200)
        assert.deepInclude(body, { id, userId: ada, balance: 0 })
        assert.hasAllKeys(body, ["id", "userId", "balance", "createdAt", "updatedAt"])
      }
    })
  )

  test(
    "is refused to who has one, naming it",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      const again = yield* api(ada, "POST /v1/accounts")
      assert.deepStrictEqual(problem(again), [409, "account-exists"])
      assert.deepInclude(again.body, { accountId: accountId(1) })
    })
  )

  test(
    "gives the first answer again for the same key, also when that was a refusal",
    Effect.gen(function*() {
      const api = yield* makeApi
      const [first, again] = [
        yield* api(ada, "POST /v1/accounts", { key: "1" }),
        yield* api(ada, "POST /v1/accounts", { key: "1" })
      ]
      assert.deepStrictEqual([again.status, again.body], [201, first.body])
      assert.deepStrictEqual([first, again].map(({ headers }) => headers.get("idempotent-replayed")), [null, "true"])
      const [refused, refusedAgain] = [
        yield* api(ada, "POST /v1/accounts", { key: "2" }),
        yield* api(ada, "POST /v1/accounts", { key: "2" })
      ]
      assert.deepStrictEqual([refused, refusedAgain].map(problem), Array.replicate([409, "account-exists"], 2))
      assert.strictEqual(refusedAgain.headers.get("idempotent-replayed"), "true")
    })
  )
})

describe("reading an account", () => {
  test(
    "is for its owner",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      const about = ["", "/transactions"]
      for (const what of about) {
        assert.deepStrictEqual(problem(yield* api(bob, `GET ${mine}${what}`)), [403, "forbidden"])
        assert.deepStrictEqual(problem(yield* api("staff", `GET ${mine}${what}`)), [403, "forbidden"])
        assert.deepStrictEqual(problem(yield* api("nobody", `GET ${mine}${what}`)), [401, "unauthorized"])
        assert.deepStrictEqual(problem(yield* api(ada, `GET /v1/accounts/${accountId(9)}${what}`)), [
          404,
          "account-not-found"
        ])
      }
      assert.deepStrictEqual(problem(yield* api(bob, "GET /v1/accounts/me")), [404, "account-not-found"])
      assert.deepStrictEqual(problem(yield* api("staff", "GET /v1/accounts/me")), [403, "forbidden"])
      assert.deepStrictEqual(problem(yield* api("staff", "POST /v1/accounts")), [403, "forbidden"])
      assert.deepStrictEqual(problem(yield* api(ada, "GET /v1/accounts/mine")), [400, "request-invalid"])
    })
  )

  test(
    "shows a balance beyond exact JSON numbers as the largest that is exact",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      yield* lift(BigInt(Number.MAX_SAFE_INTEGER) + 1n)
      assert.deepInclude((yield* api(ada, "GET /v1/accounts/me")).body, { balance: Number.MAX_SAFE_INTEGER })
    })
  )
})

describe("topping up", () => {
  test(
    "lets the balance grow by the amount",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      const answer = yield* api(ada, `PATCH ${mine}`, { body: { amount: MAX_AMOUNT } })
      assert.deepStrictEqual([answer.status, answer.body], [204, undefined])
      assert.strictEqual(yield* balanceOf(ada), BigInt(MAX_AMOUNT) + 100n)
    })
  )

  test(
    "is done once for one key, however often it is asked for",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      const ask = api(ada, `PATCH ${mine}`, { body: { amount: 5 }, key: "top-up" })
      const answers = yield* Effect.all([ask, ask, ask], { concurrency: "unbounded" })
      assert.deepStrictEqual(answers.map(({ status }) => status), [204, 204, 204])
      assert.lengthOf(answers.filter(({ headers }) => headers.get("idempotent-replayed") === "true"), 2)
      assert.strictEqual(yield* balanceOf(ada), 105n)
      const other = yield* api(ada, `PATCH ${mine}`, { body: { amount: 6 }, key: "top-up" })
      assert.deepStrictEqual(problem(other), [422, "idempotency-key-reused"])
      assert.strictEqual(yield* balanceOf(ada), 105n)
    })
  )

  test(
    "is refused where it must be, and changes nothing then",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      const body = { amount: 5 }
      assert.deepStrictEqual(problem(yield* api(bob, `PATCH ${mine}`, { body })), [403, "forbidden"])
      assert.deepStrictEqual(problem(yield* api("staff", `PATCH ${mine}`, { body })), [403, "forbidden"])
      assert.deepStrictEqual(problem(yield* api(ada, `PATCH /v1/accounts/${accountId(9)}`, { body })), [
        404,
        "account-not-found"
      ])
      for (
        const wrong of [
          { amount: 0 },
          { amount: -1 },
          { amount: 1.5 },
          { amount: MAX_AMOUNT + 1 },
          { amount: "5" },
          {},
          []
        ]
      ) {
        const answer = yield* api(ada, `PATCH ${mine}`, { body: wrong })
        assert.deepStrictEqual(problem(answer), [400, "request-invalid"])
      }
      assert.deepStrictEqual(problem(yield* api(ada, `PATCH ${mine}`, { body, key: "" })), [400, "request-invalid"])
      assert.strictEqual(yield* balanceOf(ada), 100n)
    })
  )

  test(
    "stops at the limit",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      yield* lift(BigInt(MAX_BALANCE) - 4n)
      const refused = yield* api(ada, `PATCH ${mine}`, { body: { amount: 5 }, key: "1" })
      assert.deepStrictEqual(problem(refused), [409, "balance-limit-exceeded"])
      assert.deepInclude(refused.body, { accountId: accountId(1), limit: MAX_BALANCE })
      assert.strictEqual((yield* api(ada, `PATCH ${mine}`, { body: { amount: 4 }, key: "2" })).status, 204)
    })
  )
})

describe("the statement", () => {
  const Page = Schema.Struct({
    transactions: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
    nextCursor: Schema.optionalKey(Schema.String)
  })
  const page = (answer: Answer) => {
    assert.strictEqual(answer.status, 200)
    return Schema.decodeUnknownSync(Page)(answer.body)
  }

  test(
    "tells each movement with its direction and the balance after it, newest first",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      yield* settle(1, created(1, 70))
      yield* settle(11, cancelled(1))
      const { nextCursor, transactions } = page(yield* api(ada, `GET ${mine}/transactions`))
      assert.isUndefined(nextCursor)
      assert.deepStrictEqual(
        transactions.map((
          { amount, balanceAfter, direction, orderId: order, type }
        ) => [type, direction, amount, balanceAfter, order]),
        [
          ["REFUND", "IN", 70, 100, orderId(1)],
          ["PAYMENT", "OUT", 70, 30, orderId(1)],
          ["TOP_UP", "IN", 100, 100, undefined]
        ]
      )
      for (const transaction of transactions) assert.containsAllKeys(transaction, ["id", "createdAt"])
    })
  )

  test(
    "comes in pages to the end, each entry once",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 1)
      for (const n of Array.range(2, 45)) yield* api(ada, `PATCH ${mine}`, { body: { amount: n } })
      const amounts: Array<unknown> = []
      const sizes: Array<number> = []
      let cursor: string | undefined = ""
      while (cursor !== undefined) {
        const { nextCursor, transactions } = page(yield* api(ada, `GET ${mine}/transactions?cursor=${cursor}`))
        amounts.push(...transactions.map(({ amount }) => amount))
        sizes.push(transactions.length)
        cursor = nextCursor
      }
      assert.deepStrictEqual(amounts, Array.range(1, 45).toReversed())
      assert.deepStrictEqual(sizes, [20, 20, 5])
      const exact = page(yield* api(ada, `GET ${mine}/transactions?limit=45`))
      assert.deepStrictEqual([exact.transactions.length, exact.nextCursor], [45, undefined])
    })
  )

  test(
    "refuses a cursor or limit that is none",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 1)
      for (
        const query of [
          "cursor=x",
          "cursor=-1",
          "cursor=1.5",
          "cursor=9999999999999999",
          "limit=0",
          "limit=101",
          "limit=x"
        ]
      ) {
        assert.deepStrictEqual(problem(yield* api(ada, `GET ${mine}/transactions?${query}`)), [400, "request-invalid"])
      }
      const beyond = page(yield* api(ada, `GET ${mine}/transactions?cursor=999999999999999&limit=100`))
      assert.lengthOf(beyond.transactions, 1)
    })
  )
})

describe("an order's payment", () => {
  const of = (n: number) => `GET /v1/payments/${orderId(n)}`

  test(
    "is shown to its customer and to staff",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* openAccounts(1, 100)
      yield* settle(1, created(1, 70), created(2, 50), created(3, 30), cancelled(3))
      const states = [
        { state: "CHARGED", amount: 70 },
        { state: "DECLINED", amount: 50, failureReason: "INSUFFICIENT_FUNDS" },
        { state: "REFUNDED", amount: 30 }
      ]
      for (const [index, expected] of states.entries()) {
        for (const who of [ada, "staff"] as const) {
          const { body, status } = yield* api(who, of(index + 1))
          assert.strictEqual(status, 200)
          assert.deepInclude(body, { orderId: orderId(index + 1), ...expected })
          assert.hasAllKeys(body, ["orderId", "updatedAt", ...Object.keys(expected)])
        }
        assert.deepStrictEqual(problem(yield* api(bob, of(index + 1))), [403, "forbidden"])
      }
      assert.deepStrictEqual(problem(yield* api("nobody", of(1))), [401, "unauthorized"])
    })
  )

  test(
    "is not found while undecided, nor of a cancelled order before its creation is heard of",
    Effect.gen(function*() {
      const api = yield* makeApi
      yield* settle(1, cancelled(1))
      for (const who of [ada, bob, "staff"] as const) {
        assert.deepStrictEqual(problem(yield* api(who, of(1))), [404, "payment-not-found"])
        assert.deepStrictEqual(problem(yield* api(who, of(2))), [404, "payment-not-found"])
      }
      yield* settle(11, created(1, 70))
      assert.deepInclude((yield* api(ada, of(1))).body, { state: "VOIDED", amount: 70 })
      assert.deepStrictEqual(problem(yield* api(ada, "GET /v1/payments/1")), [400, "request-invalid"])
    })
  )
})

describe("without its database", () => {
  test(
    "everything is 503 with Retry-After, and done as before when it is back",
    Effect.gen(function*() {
      const api = yield* makeApi
      const outage = yield* Outage
      yield* openAccounts(1, 100)
      const body = { amount: 5 }
      outage.down = true
      const answers = [
        yield* api(bob, "POST /v1/accounts"),
        yield* api(bob, "POST /v1/accounts", { key: "1" }),
        yield* api(ada, "GET /v1/accounts/me"),
        yield* api(ada, `GET ${mine}`),
        yield* api(ada, `PATCH ${mine}`, { body }),
        yield* api(ada, `PATCH ${mine}`, { body, key: "2" }),
        yield* api(ada, `GET ${mine}/transactions`),
        yield* api(ada, `GET /v1/payments/${orderId(1)}`)
      ]
      assert.deepStrictEqual(answers.map(problem), Array.replicate([503, "service-unavailable"], 8))
      for (const { headers } of answers) assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/)
      outage.down = false
      assert.strictEqual((yield* api(ada, `PATCH ${mine}`, { body, key: "2" })).status, 204)
      assert.strictEqual(yield* balanceOf(ada), 105n)
    })
  )
})
