import { ServiceUnavailable } from "@g-store/contracts/Problems.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Effect } from "effect"

/** What a caller reads while the database cannot be reached. Nothing is known of the outcome: the same key makes a repeat safe. */
export const databaseUnavailable = (): ServiceUnavailable =>
  new ServiceUnavailable({
    retryAfter: 2,
    detail: "The database cannot be reached just now. Try again in 2 seconds; an Idempotency-Key makes that safe."
  })

/** Turns a database that cannot be reached into 503 with Retry-After; the reason goes to the log. */
export const orServiceUnavailable = <A, E, R>(
  self: Effect.Effect<A, E | DatabaseUnavailable, R>
): Effect.Effect<A, E | ServiceUnavailable, R> =>
  Effect.catch(self, (error): Effect.Effect<never, E | ServiceUnavailable> =>
    error instanceof DatabaseUnavailable
      ? Effect.logWarning("database unavailable", error).pipe(
        Effect.annotateLogs({ module: "http" }),
        Effect.andThen(Effect.fail(databaseUnavailable()))
      )
      : Effect.fail(error))
