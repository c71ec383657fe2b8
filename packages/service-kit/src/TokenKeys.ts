import { Clock, Context, Effect, Layer, Option, Ref, Schedule, Schema, Semaphore } from "effect"
import { FetchHttpClient, HttpClient, HttpClientResponse } from "effect/http"
import { createLocalJWKSet, type JSONWebKeySet } from "jose"
import { authJwksUrlIfTokensCount } from "./ServiceConfig.ts"

/** The issuer's keys cannot be fetched, and those at hand do not fit. */
export class TokenKeysUnavailable extends Schema.TaggedError<TokenKeysUnavailable>()("TokenKeysUnavailable", {
  reason: Schema.String
}) {}

/** Finds the key that a token names among those that the issuer publishes. */
export type KeySet = ReturnType<typeof createLocalJWKSet>

/** The public keys that tokens are verified with. */
export class TokenKeys extends Context.Service<TokenKeys, {
  /** The keys at hand; fails only before the first ones were ever there. */
  readonly current: Effect.Effect<KeySet, TokenKeysUnavailable>
  /** For a token whose key is not in `seen`: newer keys, or the same ones where the issuer was asked just now. */
  readonly newerThan: (seen: KeySet) => Effect.Effect<KeySet, TokenKeysUnavailable>
}>()("@g-store/service-kit/TokenKeys") {
  /** Keys that this process holds itself, as the all-in-one does. */
  static readonly layerLocal = (jwks: JSONWebKeySet): Layer.Layer<TokenKeys> =>
    Layer.sync(TokenKeys, () => {
      const keys = createLocalJWKSet(jwks)
      return TokenKeys.of({ current: Effect.succeed(keys), newerThan: () => Effect.succeed(keys) })
    })

  /**
   * Keys behind a URL: fetched at start and every 5 minutes, and when a token names an unknown key, then at most every
   * 10 seconds however many such tokens come. While the URL does not answer the last keys stay good, so an outage of
   * the identity provider stops nobody whose key is known.
   */
  static readonly layerRemote = (url: string): Layer.Layer<TokenKeys, never, HttpClient.HttpClient> =>
    Layer.effect(TokenKeys, remote(url))

  /** AUTH_JWKS_URL, which AUTH_MODE=trusted-header does without: no token counts there. */
  static readonly layerConfig = Layer.unwrap(
    Effect.map(authJwksUrlIfTokensCount, (url) =>
      Option.match(url, {
        onNone: () => TokenKeys.layerLocal({ keys: [] }),
        onSome: (value) => TokenKeys.layerRemote(value).pipe(Layer.provide(FetchHttpClient.layer))
      }))
  )
}

const REFRESH = "5 minutes"
const COOLDOWN_MILLIS = 10_000

const Jwks = Schema.Struct({ keys: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)) })

interface Held {
  readonly keys: KeySet | undefined
  /** When the issuer was asked last, and what came of it. */
  readonly askedAt: number
  readonly failure: string | undefined
}

const remote = (url: string) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const held = yield* Ref.make<Held>({ keys: undefined, askedAt: Number.NEGATIVE_INFINITY, failure: undefined })
    const one = yield* Semaphore.make(1)

    const fetched = client.get(url).pipe(
      Effect.flatMap(HttpClientResponse.filterStatusOk),
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Jwks)),
      Effect.timeout("2 seconds"),
      Effect.map((jwks) => createLocalJWKSet({ keys: jwks.keys.map((key) => ({ ...key })) })),
      Effect.mapError((error) => `${url}: ${error.message}`)
    )

    /** Asks the issuer, unless somebody did within the cooldown; what is held afterwards. */
    const ask = (cooldown: number): Effect.Effect<Held> =>
      Semaphore.withPermits(one, 1)(Effect.gen(function*() {
        const before = yield* Ref.get(held)
        const now = yield* Clock.currentTimeMillis
        if (now - before.askedAt < cooldown) return before
        const after = yield* Effect.match(fetched, {
          onSuccess: (keys): Held => ({ keys, askedAt: now, failure: undefined }),
          onFailure: (failure): Held => ({ ...before, askedAt: now, failure })
        })
        yield* Ref.set(held, after)
        if (after.failure !== undefined) {
          yield* Effect.logWarning(`the identity provider's keys cannot be fetched: ${after.failure}`)
        }
        return after
      })).pipe(Effect.annotateLogs({ module: "auth" }))

    yield* ask(0).pipe(
      Effect.flatMap(({ failure }) => failure === undefined ? Effect.void : Effect.fail(failure)),
      Effect.retry(Schedule.min([Schedule.exponential("500 millis"), Schedule.spaced("10 seconds")])),
      Effect.repeat(Schedule.spaced(REFRESH)),
      Effect.ignore,
      Effect.forkScoped
    )

    const unavailable = (state: Held) =>
      Effect.fail(new TokenKeysUnavailable({ reason: state.failure ?? "not fetched yet" }))

    return TokenKeys.of({
      current: Effect.flatMap(Ref.get(held), (state) =>
        state.keys !== undefined
          ? Effect.succeed(state.keys)
          : Effect.flatMap(ask(1000), (asked) =>
            asked.keys !== undefined ? Effect.succeed(asked.keys) : unavailable(asked))),
      newerThan: (seen) =>
        Effect.gen(function*() {
          const state = yield* Ref.get(held)
          if (state.keys !== undefined && state.keys !== seen) {
            return state.keys
          }
          const asked = yield* ask(COOLDOWN_MILLIS)
          return asked.failure === undefined && asked.keys !== undefined ? asked.keys : yield* unavailable(asked)
        })
    })
  })
