import { Cause } from "effect"
import { SqlError } from "effect/sql"
import { Poison } from "../Consumer.ts"
import { BusUnavailable } from "../EventBus.ts"
import { sqlState } from "../postgres/Postgres.ts"
import { DatabaseUnavailable } from "../Transactions.ts"
import { HandlerFailed } from "./Handling.ts"

/** What a failed transaction of a consumer says about its messages. */
export type Failure =
  /** Nothing: the world was in the way. Again, for ever. */
  | { readonly _tag: "Transient"; readonly reason: string }
  /** Some message in it cannot be handled; which one is unknown. */
  | { readonly _tag: "Permanent"; readonly reason: string }
  /** The handler says which ones cannot be handled: reasons by message id. */
  | { readonly _tag: "Named"; readonly reasons: ReadonlyMap<string, string>; readonly reason: string }

const LONGEST_REASON = 1000

/** One line for an operator; it has to fit into a text column whatever the message contains. */
export const reasonText = (text: string): string => {
  const sound = text.toWellFormed().replaceAll("\0", "\ufffd")
  return sound.length <= LONGEST_REASON ? sound : `${sound.slice(0, LONGEST_REASON).toWellFormed()} ...`
}

const describe = (error: unknown): string => {
  if (SqlError.isSqlError(error)) return describeSql(error)
  if (error instanceof DatabaseUnavailable) return `database unavailable: ${describe(error.cause)}`
  if (error instanceof BusUnavailable) return `bus unavailable during ${error.operation}: ${describe(error.cause)}`
  if (error instanceof Error) return error.message === "" ? error.name : `${error.name}: ${error.message}`
  return typeof error === "string" ? error : JSON.stringify(error) ?? String(error)
}

const describeSql = (error: SqlError.SqlError): string => {
  const state = sqlState(error)
  const { cause } = error.reason
  // The driver's own error names the constraint; the SqlError around it often says no more than its kind.
  const said = cause instanceof Error && cause.message !== "" ? cause.message : error.message
  return state === undefined ? `database error: ${said}` : `database error ${state}: ${said}`
}

/** The driver could not put a value on the wire: wrong data (class 22) that was seen before it came to the server. */
const isEncoding = (error: unknown): boolean =>
  error instanceof DatabaseUnavailable
    ? isEncoding(error.cause)
    : SqlError.isSqlError(error) && error.reason.message?.endsWith("Failed to encode query") === true

const isWorld = (error: unknown): boolean =>
  SqlError.isSqlError(error) || error instanceof DatabaseUnavailable || error instanceof BusUnavailable

const judge = (reason: Cause.Reason<unknown>): Failure => {
  if (Cause.isInterruptReason(reason)) return { _tag: "Transient", reason: "interrupted" }
  const raised = Cause.isFailReason(reason) ? reason.error : reason.defect
  const error = raised instanceof HandlerFailed ? raised.error : raised
  if (error instanceof Poison) {
    const reasons = new Map(error.messages.map((message) => [message.id, reasonText(message.reason)]))
    return { _tag: "Named", reasons, reason: `poison: ${[...reasons.values()].join("; ")}` }
  }
  const text = reasonText(describe(error))
  if (isEncoding(error)) return { _tag: "Permanent", reason: text }
  const state = sqlState(error)
  // Wrong data (22) and violated constraints (23) come from the message. Any other state is the database's own trouble,
  // also a wrong schema (42): setting the whole topic aside would not mend that.
  if (state !== undefined) return { _tag: /^2[23]/.test(state) ? "Permanent" : "Transient", reason: text }
  return { _tag: Cause.isDieReason(reason) && !isWorld(error) ? "Permanent" : "Transient", reason: text }
}

/**
 * What the failure means for the messages. When there are several reasons, one that has nothing to do with the messages
 * outweighs the others: setting a sound message aside is worse than trying again.
 */
export const classify = (cause: Cause.Cause<unknown>): Failure => {
  const failures = cause.reasons.map(judge)
  return failures.find(({ _tag }) => _tag === "Transient") ??
    failures.find(({ _tag }) => _tag === "Named") ??
    failures[0] ?? { _tag: "Transient", reason: "failed without a reason" }
}
