import { Cause, Effect, LogLevel } from "effect"
import type { MessagingHealth } from "../MessagingHealth.ts"
import type { OutboxRow } from "../OutboxStore.ts"
import { traceId } from "../TraceContext.ts"
import type { DatabaseUnavailable } from "../Transactions.ts"
import type { RelayMetrics } from "./RelayMetrics.ts"

/** Says what an operator should know: once per change of state, not per retry. */
export interface RelayReport {
  readonly published: (rows: ReadonlyArray<OutboxRow>) => Effect.Effect<void>
  /** The bus refused a shard's batch; or, `unknown`, did not confirm it in time. */
  readonly publishFailed: (shard: number, cause: Cause.Cause<unknown>, unknown: boolean) => Effect.Effect<void>
  /** The shard is not retried any more: its batch was taken, or it went to another relay. */
  readonly shardFlows: (shard: number) => Effect.Effect<void>
  readonly databaseFailed: (operation: string, error: DatabaseUnavailable) => Effect.Effect<void>
  readonly databaseAnswers: (operation: string) => Effect.Effect<void>
}

const textOf = (cause: unknown): string => {
  let error = cause
  // Our errors wrap the one that tells: the driver's or the client's.
  while (error instanceof Error && error.message === "" && error.cause !== undefined) error = error.cause
  return error instanceof Error ? error.message : String(error)
}

export const relayReport = (
  component: string,
  health: MessagingHealth["Service"],
  metrics: RelayMetrics
): RelayReport => {
  const blocked = new Set<number>()
  const failing = new Set<string>()
  const database = `${component}, database`

  return {
    published: Effect.fnUntraced(function*(rows) {
      const byTopic = new Map<string, number>()
      for (const { message: { topic } } of rows) byTopic.set(topic, (byTopic.get(topic) ?? 0) + 1)
      for (const [topic, count] of byTopic) yield* metrics.published(topic, count)
      if (!(yield* LogLevel.isEnabled("Debug"))) return
      for (const { message: { eventType, id, key, topic, traceparent }, position, shard } of rows) {
        yield* Effect.logDebug("published").pipe(
          Effect.annotateLogs({ messageId: id, key, eventType, topic, shard, position, traceId: traceId(traceparent) })
        )
      }
    }),
    publishFailed: Effect.fnUntraced(function*(shard, cause, unknown) {
      yield* unknown ? metrics.unknown : metrics.refused
      const first = blocked.size === 0
      blocked.add(shard)
      if (!first) return yield* Effect.logDebug(`shard ${shard} is not published`, cause)
      const why = unknown
        ? "the bus does not confirm what is published"
        : `cannot publish: ${textOf(Cause.squash(cause))}`
      yield* health.report(component, why)
      yield* Effect.logWarning(`${why}; messages wait in the outbox, and are tried again`, cause)
    }),
    shardFlows: (shard) =>
      Effect.suspend(() => {
        if (!blocked.delete(shard) || blocked.size > 0) return Effect.void
        return Effect.andThen(health.report(component, undefined), Effect.logInfo("publishing again"))
      }),
    databaseFailed: Effect.fnUntraced(function*(operation, error) {
      const first = failing.size === 0
      failing.add(operation)
      if (!first) return yield* Effect.logDebug(`cannot ${operation}`, error)
      const why = `cannot ${operation}: ${textOf(error)}`
      yield* health.report(database, why)
      yield* Effect.logWarning(`${why}; trying again`, error)
    }),
    databaseAnswers: (operation) =>
      Effect.suspend(() => {
        if (!failing.delete(operation) || failing.size > 0) return Effect.void
        return Effect.andThen(health.report(database, undefined), Effect.logInfo("the database answers again"))
      })
  }
}
