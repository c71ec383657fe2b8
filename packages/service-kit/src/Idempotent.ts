import { type Caller, CurrentCaller } from "@g-store/contracts/Actor.ts"
import { IdempotencyKeyInUse, IdempotencyKeyReused, type ServiceUnavailable } from "@g-store/contracts/Problems.ts"
import { Idempotency, type IdempotencyKey, KeyInUse, KeyReused } from "@g-store/messaging/Idempotency.ts"
import { CurrentTraceparent, traceId } from "@g-store/messaging/TraceContext.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Effect, Schema } from "effect"
import { HttpServerRespondable, HttpServerResponse } from "effect/http"
import { createHash } from "node:crypto"
import { completeProblem, problemIn } from "./EdgeResponse.ts"
import { orServiceUnavailable } from "./Unavailable.ts"

/** What is kept under a key and given again: status, headers and body as they were sent. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** `application/json` if absent. */
  readonly contentType?: string
  readonly body?: Schema.Json
}

/** The form in which an answer is kept: its body as text, because a store of JSON may put members in another order. */
const Stored = Schema.Struct({
  status: Schema.Int,
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  contentType: Schema.optionalKey(Schema.String),
  text: Schema.optionalKey(Schema.fromJsonString(Schema.Json))
})

/** The part of a handler's request that a key is read from: `endpoint`, `params`, `headers` and `payload`. */
export interface KeyedRequest {
  readonly endpoint: { readonly method: string; readonly path: string }
  readonly params?: Readonly<Record<string, string>>
  readonly headers: { readonly "idempotency-key"?: string | undefined }
  readonly payload?: unknown
}

const callerKey = (caller: Caller): string =>
  caller._tag === "Customer" ? `customer:${caller.userId}` : `staff:${caller.id}`

// From the endpoint's own path and the decoded ids: however the URL was spelt, one resource has one scope.
const pathOf = ({ endpoint, params }: KeyedRequest): string =>
  endpoint.path.replaceAll(/:(\w+)/g, (whole, name: string) => params?.[name]?.toLowerCase() ?? whole)

const sorted = (_key: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

/** SHA-256, in hex, of the decoded body as JSON with its members in order. No body and `null` are the same. */
export const bodyHash = (payload: unknown): string =>
  createHash("sha256").update(JSON.stringify(payload ?? null, sorted)).digest("hex")

/** The key of a request, if the caller sent one. */
export const idempotencyKeyOf = (
  request: KeyedRequest,
  caller: Caller
): IdempotencyKey | undefined => {
  const key = request.headers["idempotency-key"]
  return key === undefined ? undefined : {
    scope: `${callerKey(caller)} ${request.endpoint.method} ${pathOf(request)}`,
    key,
    hash: bodyHash(request.payload)
  }
}

/** An answer as the response that it is; a replayed one says so. */
export const respond = (answer: Answer, replayed = false): HttpServerResponse.HttpServerResponse => {
  const headers = { ...answer.headers, ...(replayed ? { "idempotent-replayed": "true" } : {}) }
  return answer.body === undefined
    ? HttpServerResponse.empty({ status: answer.status, headers })
    : HttpServerResponse.jsonUnsafe(answer.body, {
      status: answer.status,
      headers,
      contentType: answer.contentType ?? "application/json"
    })
}

/** A stored answer, read back. Rows are ours alone, so one that is no answer is a defect. */
const answerFromJson = (stored: Schema.Json): Effect.Effect<Answer> =>
  decodeStored(stored).pipe(
    Effect.map(({ text, ...answer }) => text === undefined ? answer : { ...answer, body: text }),
    Effect.orDie
  )
const decodeStored = Schema.decodeUnknownEffect(Stored)

/** An answer as the JSON that a store keeps. */
const answerToJson = ({ body, ...answer }: Answer): Schema.Json =>
  body === undefined ? answer : { ...answer, text: JSON.stringify(body) }

type KeyProblem = IdempotencyKeyReused | IdempotencyKeyInUse | ServiceUnavailable

/** What the keys' own troubles, and an absent database, look like from outside. */
export const orKeyProblems = <A, E, R>(
  self: Effect.Effect<A, E | KeyReused | KeyInUse | DatabaseUnavailable, R>
): Effect.Effect<A, E | KeyProblem, R> =>
  Effect.catch(orServiceUnavailable(self), (error): Effect.Effect<never, E | KeyProblem> => {
    if (error instanceof KeyReused) {
      return Effect.fail(
        new IdempotencyKeyReused({
          detail: "This Idempotency-Key was used before with another body. Use a new key for a new request."
        })
      )
    }
    if (error instanceof KeyInUse) {
      return Effect.fail(
        new IdempotencyKeyInUse({
          retryAfter: 1,
          detail:
            "A request with this Idempotency-Key is still being worked on. Try again in a second, with the same key."
        })
      )
    }
    return Effect.fail(error)
  })

/**
 * A refusal that is an answer: a 409 problem is kept under the key, as the 2xx answers are; every other failure is not.
 * It is kept complete, with the trace id of the request that found it: a replay is the first answer byte for byte, and
 * only its X-Request-Id is of the request at hand.
 */
const refusal = (error: unknown): Effect.Effect<Answer | undefined> =>
  Effect.gen(function*() {
    if (!HttpServerRespondable.isRespondable(error)) return undefined
    const response = yield* HttpServerRespondable.toResponse(error)
    const problem = problemIn(response)
    if (response.status !== 409 || problem === undefined) return undefined
    const trace = traceId(yield* CurrentTraceparent)
    return {
      status: response.status,
      contentType: "application/problem+json",
      body: trace === undefined ? problem : completeProblem(problem, response.status, trace)
    }
  })

/**
 * `idempotent(request, effect)`: runs a use case whose outcome is an `Answer`, once per key. Build it while building
 * the handlers, so that they need no `Idempotency` of their own:
 *
 *     const idempotent = yield* makeIdempotent
 *     handlers.handle("topUp", (request) => idempotent(request, Effect.as(accounts.topUp(...), { status: 204 })))
 *
 * Without a key the use case just runs. With one, key, hash and answer are written in the transaction of the effect; a
 * 409 commits as an answer, any other failure rolls back and frees the key.
 */
export const makeIdempotent = Effect.gen(function*() {
  const { once } = yield* Idempotency
  return <E, R>(
    request: KeyedRequest,
    effect: Effect.Effect<Answer, E | DatabaseUnavailable, R>
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, E | KeyProblem, R | CurrentCaller> =>
    CurrentCaller.use((caller) => {
      const key = idempotencyKeyOf(request, caller)
      if (key === undefined) return orServiceUnavailable(Effect.map(effect, (answer) => respond(answer)))
      const settled = effect.pipe(
        Effect.catch((error) =>
          Effect.flatMap(refusal(error), (answer) => answer === undefined ? Effect.fail(error) : Effect.succeed(answer))
        ),
        Effect.map(answerToJson)
      )
      return orKeyProblems(
        Effect.flatMap(
          once(key, settled),
          ({ answer, replayed }) => Effect.map(answerFromJson(answer), (read) => respond(read, replayed))
        )
      )
    })
})
