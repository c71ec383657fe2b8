import { Clock, Context, Duration, Effect, Layer, Random, Schedule, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"

/** Who sends a request: a bearer token, or the staff key where only that will do. */
export type Credential = { readonly token: string } | { readonly staffKey: string }

export interface Call {
  readonly method: "GET" | "POST" | "PATCH"
  readonly path: string
  readonly as: Credential
  readonly body?: Schema.Json | undefined
  /** Makes the call safe to repeat; without it a POST or PATCH is sent once only. */
  readonly key?: string | undefined
  /** A POST that changes nothing which matters, and may be repeated without a key. */
  readonly harmless?: true
}

export interface Reply {
  readonly status: number
  readonly body: unknown
}

/** The store did not answer in time, however often it was asked. */
export class StoreUnreachable extends Schema.TaggedError<StoreUnreachable>()("StoreUnreachable", {
  url: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `No answer from the store at ${this.url} (${this.reason}). Start it with npm start, or give its address with --url.`
  }
}

class TryAgain extends Schema.TaggedError<TryAgain>()("TryAgain", { reason: Schema.String, after: Schema.Finite }) {}

/** The public API as a patient caller uses it: repeats what is safe to repeat, waits as long as it is told to. */
export class StoreClient extends Context.Service<StoreClient, {
  readonly url: string
  readonly call: (call: Call) => Effect.Effect<Reply, StoreUnreachable>
  /** How often a call had to be repeated, by reason. */
  readonly repeats: Effect.Effect<ReadonlyMap<string, number>>
}>()("@g-store/g-store/StoreClient") {
  static readonly layer = (url: string, patience: Duration.Input) =>
    Layer.effect(
      StoreClient,
      Effect.gen(function*() {
        // Each request is a trace of its own: the demo's span would make all of them one.
        const client = HttpClient.transform(
          yield* HttpClient.HttpClient,
          Effect.provideService(HttpClient.TracerPropagationEnabled, false)
        )
        const repeats = new Map<string, number>()

        const once = Effect.fnUntraced(function*({ as, body, key, method, path }: Call) {
          const request = HttpClientRequest.make(method)(url + path).pipe(
            "token" in as
              ? HttpClientRequest.bearerToken(as.token)
              : HttpClientRequest.setHeader("x-staff-api-key", as.staffKey),
            key === undefined ? (same) => same : HttpClientRequest.setHeader("idempotency-key", key),
            body === undefined ? (same) => same : HttpClientRequest.bodyJsonUnsafe(body)
          )
          const response = yield* client.execute(request)
          const text = yield* response.text
          if (response.status === 429 || response.status === 503) {
            const seconds = Number(response.headers["retry-after"] ?? "1")
            return yield* new TryAgain({
              reason: String(response.status),
              after: Number.isFinite(seconds) ? seconds : 1
            })
          }
          return { status: response.status, body: text === "" ? undefined : JSON.parse(text) } satisfies Reply
        }, Effect.timeout("15 seconds"))

        const call = Effect.fnUntraced(function*(wanted: Call) {
          const repeatable = wanted.method === "GET" || wanted.key !== undefined || wanted.harmless === true
          const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(Duration.fromInputUnsafe(patience))
          return yield* once(wanted).pipe(
            Effect.catch((error) =>
              error._tag === "TryAgain" ? error : new TryAgain({ reason: error._tag, after: 0.25 })
            ),
            Effect.tapError((error) =>
              Effect.sync(() => void repeats.set(error.reason, (repeats.get(error.reason) ?? 0) + 1))
            ),
            Effect.tapError((error) =>
              Effect.flatMap(Random.next, (share) => Effect.sleep(Duration.seconds(error.after * (0.75 + share / 2))))
            ),
            Effect.retry({
              schedule: Schedule.forever,
              while: (error) =>
                Effect.map(
                  Clock.currentTimeMillis,
                  (now) => now < deadline && (repeatable || error.reason === "429" || error.reason === "503")
                )
            }),
            Effect.mapError((error) => new StoreUnreachable({ url, reason: error.reason }))
          )
        })

        return StoreClient.of({ url, call, repeats: Effect.succeed(repeats) })
      })
    )
}
