import { Context, type Effect, Schema } from "effect"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** One use of an idempotency key: `scope` is caller, method and path; `hash` is of the decoded request. */
export interface IdempotencyKey {
  readonly scope: string
  readonly key: string
  readonly hash: string
}

/** The key was used before for another request. */
export class KeyReused extends Schema.TaggedError<KeyReused>()("KeyReused", { key: Schema.String }) {}

/** A request with this key is still being worked on after 5 seconds of waiting. */
export class KeyInUse extends Schema.TaggedError<KeyInUse>()("KeyInUse", { key: Schema.String }) {}

/** What `once` gives: the answer, and whether it is the first one given again. */
export interface Answered {
  readonly answer: Schema.Json
  readonly replayed: boolean
}

/** Keys with their answers, stored in the transaction of the effect that they stand for. */
export class Idempotency extends Context.Service<Idempotency, {
  /**
   * Runs `effect` and keeps its answer under the key, in one transaction; a failure of `effect` rolls back and frees
   * the key. A key known with the same hash gives the kept answer; a concurrent twin waits for it.
   */
  readonly once: <E, R>(
    key: IdempotencyKey,
    effect: Effect.Effect<Schema.Json, E, R>
  ) => Effect.Effect<Answered, E | KeyReused | KeyInUse | DatabaseUnavailable, R>
}>()("@g-store/messaging/Idempotency") {}
