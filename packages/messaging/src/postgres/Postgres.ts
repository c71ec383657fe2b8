import { CodecError } from "@effect/sql-pg/PgTypes"
import { Cause, Effect, Option } from "effect"
import { type SqlClient, SqlError } from "effect/sql"
import { DatabaseUnavailable } from "../Transactions.ts"

const SQLSTATE = /^[0-9A-Z]{5}$/

/** The SQLSTATE inside a SqlError, the driver's own error or anything that wraps one; undefined if there is none. */
export const sqlState = (cause: unknown): string | undefined => {
  let at: unknown = cause
  for (let depth = 0; depth < 8 && typeof at === "object" && at !== null; depth++) {
    if ("code" in at && typeof at.code === "string" && SQLSTATE.test(at.code)) return at.code
    at = "reason" in at ? at.reason : "cause" in at ? at.cause : undefined
  }
  return undefined
}

/**
 * Our bug, or data that can never be stored: wrong data (22), a violated constraint (23), wrong SQL (42), and what the
 * driver itself cannot encode or decode. All else, and what nobody knows, may be different the next time.
 */
const isPermanent = (error: SqlError.SqlError): boolean => {
  const state = sqlState(error)
  return state === undefined ? error.reason.cause instanceof CodecError : /^(22|23|42)/.test(state)
}

const sqlErrorsIn = (cause: Cause.Cause<unknown>): ReadonlyArray<SqlError.SqlError> =>
  cause.reasons.flatMap((reason) => {
    const error = Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : undefined
    return SqlError.isSqlError(error) ? [error] : []
  })

const hasNone = <E>(cause: Cause.Cause<E>): cause is Cause.Cause<Exclude<E, SqlError.SqlError>> =>
  sqlErrorsIn(cause).length === 0

/**
 * Sorts SQL errors into the two kinds that callers act on: DatabaseUnavailable (try again: connection lost, server
 * stopping, deadlock, serialization, lock and statement timeouts, unknown), or a defect that carries the SqlError
 * (SQLSTATE classes 22, 23 and 42, values that cannot be encoded). A SqlError that comes as a defect is sorted too: withTransaction dies when the
 * ROLLBACK finds its connection gone.
 */
export const orUnavailable = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, SqlError.SqlError> | DatabaseUnavailable, R> =>
  Effect.catchCause(effect, (cause): Effect.Effect<never, Exclude<E, SqlError.SqlError> | DatabaseUnavailable> => {
    if (hasNone(cause)) return Effect.failCause(cause)
    const errors = sqlErrorsIn(cause)
    const permanent = errors.find(isPermanent)
    return permanent === undefined ? Effect.fail(new DatabaseUnavailable({ cause: errors[0] })) : Effect.die(permanent)
  })

/**
 * Runs the effect in a transaction with SQL errors sorted as `orUnavailable` does. Inside another transaction of the
 * same client it is simply part of that one: no savepoint, so a failure that is caught there takes nothing back.
 */
export const transaction =
  (sql: SqlClient.SqlClient) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Exclude<E, SqlError.SqlError> | DatabaseUnavailable, R> =>
    Effect.flatMap(
      Effect.serviceOption(sql.transactionService),
      (open) => orUnavailable(Option.isSome(open) ? effect : sql.withTransaction(effect))
    )
