import { Effect, Schema } from "effect"

/** The store answered something else than it should have. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

/**
 * So many that the store's own limits (requests a second by caller, tokens by address) stay on as shipped and are not
 * met: both sides then pay for them, or neither does.
 */
const CUSTOMERS = 190

const post = Effect.fnUntraced(
  function*(url: string, method: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    const response = yield* Effect.tryPromise({
      try: async () => {
        const answer = await fetch(url, {
          method,
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify(body)
        })
        return { ok: answer.ok, status: answer.status, text: await answer.text() }
      },
      catch: (cause) => new Refused({ message: `${url}: ${String(cause)}` })
    })
    if (!response.ok) return yield* new Refused({ message: `${url}: ${response.status} ${response.text}` })
    return response.text
  }
)

const decodeToken = Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ accessToken: Schema.String })))

/** Customers with a token each, as the header line by which they are known. */
export const signIn = Effect.fnUntraced(function*(base: string) {
  return yield* Effect.forEach(
    Array.from({ length: CUSTOMERS }),
    () =>
      post(`${base}/api/identity/v1/token`, "POST", {}).pipe(
        Effect.flatMap(decodeToken),
        Effect.map(({ accessToken }) => `authorization: Bearer ${accessToken}`)
      ),
    { concurrency: 4 }
  )
})

/** An account for each, with money for a thousand million orders. */
export const openAccounts = Effect.fnUntraced(function*(gateway: string, identities: ReadonlyArray<string>) {
  const decodeId = Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ id: Schema.String })))
  yield* Effect.forEach(identities, (identity) =>
    Effect.gen(function*() {
      const headers = { authorization: identity.slice("authorization: ".length) }
      const { id } = yield* post(`${gateway}/api/payments/v1/accounts`, "POST", {}, headers).pipe(
        Effect.flatMap(decodeId)
      )
      yield* post(`${gateway}/api/payments/v1/accounts/${id}`, "PATCH", { amount: 1_000_000_000_000 }, headers)
    }), { concurrency: 4, discard: true })
})
