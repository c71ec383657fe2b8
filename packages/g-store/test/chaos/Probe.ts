import { Duration, Effect, Schedule, Schema } from "effect"
import { NotKept } from "./NotKept.ts"

const Token = Schema.Struct({ accessToken: Schema.String })
const Opened = Schema.Struct({ id: Schema.String })
const Accepted = Schema.Struct({ orderId: Schema.String })
const Seen = Schema.Struct({ status: Schema.String })

interface Answered {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: string
}

/** In seconds. */
const PATIENCE = 20

/**
 * A customer who looks on while things break, and, once signed up, gives a call up that is not answered within so many
 * seconds: another replica may answer the next one.
 */
export const probe = Effect.fnUntraced(function*(url: string, patience = PATIENCE) {
  let authorization = ""
  let limit = PATIENCE
  const ask = (method: "GET" | "POST" | "PATCH", path: string, body?: object) =>
    Effect.tryPromise({
      try: async (signal): Promise<Answered> => {
        const answer = await fetch(url + path, {
          method,
          signal,
          headers: { "content-type": "application/json", ...(authorization === "" ? {} : { authorization }) },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
        return { status: answer.status, retryAfter: answer.headers.get("retry-after"), body: await answer.text() }
      },
      catch: (cause) => new NotKept({ reason: `${method} ${path}: ${String(cause)}` })
    }).pipe(
      Effect.timeoutOrElse({
        duration: Duration.seconds(limit),
        orElse: () => Effect.fail(new NotKept({ reason: `${method} ${path}: no answer within ${limit} s` }))
      })
    )
  const expect = (status: number, what: string) => (answer: Answered) =>
    answer.status === status
      ? Effect.succeed(answer)
      : Effect.fail(new NotKept({ reason: `${what} was answered ${answer.status}, not ${status}: ${answer.body}` }))
  const decoded = <A>(schema: Schema.ConstraintDecoder<A>, { body }: Answered) =>
    Schema.decodeUnknownEffect(schema)(JSON.parse(body)).pipe(Effect.orDie)

  const token = yield* ask("POST", "/api/identity/v1/token", {}).pipe(Effect.flatMap(expect(200, "a token")))
  authorization = `Bearer ${(yield* decoded(Token, token)).accessToken}`
  const account = yield* ask("POST", "/api/payments/v1/accounts").pipe(
    Effect.flatMap(expect(201, "opening an account"))
  )
  const { id } = yield* decoded(Opened, account)
  yield* ask("PATCH", `/api/payments/v1/accounts/${id}`, { amount: 1_000_000 }).pipe(
    Effect.flatMap(expect(204, "a top-up"))
  )
  limit = patience

  return {
    /** Places an order that the account can pay. */
    order: Effect.gen(function*() {
      const answer = yield* ask("POST", "/api/orders/v1/orders", { amount: 5 })
      const { orderId } = yield* decoded(Accepted, yield* expect(201, "an order while Kafka is down")(answer))
      return orderId
    }),
    /** Done once the order is paid. */
    paid: (orderId: string) =>
      ask("GET", `/api/orders/v1/orders/${orderId}`).pipe(
        Effect.flatMap((answer) =>
          answer.status === 200 ? decoded(Seen, answer) : Effect.succeed({ status: "PENDING" })
        ),
        Effect.repeat({ until: ({ status }) => status === "PAID", schedule: Schedule.spaced("100 millis") })
      ),
    /** Fails unless a read and a write of both services are 503 with Retry-After. */
    refused: Effect.forEach(
      [
        ["GET", "/api/orders/v1/orders", undefined],
        ["POST", "/api/orders/v1/orders", { amount: 5 }],
        ["GET", "/api/payments/v1/accounts/me", undefined]
      ] as const,
      ([method, path, body]) =>
        ask(method, path, body).pipe(
          Effect.flatMap(expect(503, `${method} ${path} while PostgreSQL is down`)),
          Effect.flatMap(({ retryAfter }) =>
            retryAfter !== null && Number(retryAfter) > 0
              ? Effect.void
              : Effect.fail(new NotKept({ reason: `${method} ${path}: 503 with Retry-After ${retryAfter}` }))
          )
        ),
      { discard: true }
    )
  }
})

export type Probe = Effect.Success<ReturnType<typeof probe>>
