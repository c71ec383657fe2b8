import { Context, type Effect, Schema } from "effect"

/**
 * The database cannot be reached, or the connection was lost before the answer: nothing is known about the outcome.
 * Ask again with the same ids, or tell the caller to.
 */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  cause: Schema.Defect()
}) {}

/**
 * All or nothing. The transaction is ambient in the fiber: repository calls inside join it, and a nested `run` is part
 * of the outer one. Statements stay on the fiber that runs it: no forks inside.
 */
export class Transactions extends Context.Service<Transactions, {
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DatabaseUnavailable, R>
}>()("@g-store/messaging/Transactions") {}
