import { Effect } from "effect"
import { BusUnavailable } from "../EventBus.ts"
import { attempt, errorType, kafkaClient } from "./KafkaClient.ts"
import type { KafkaOptions } from "./KafkaOptions.ts"

/** A process that stops has ten seconds for all of it, and up to five went into leaving. */
const PATIENCE = "2 seconds"

/**
 * Takes a group without members out of Kafka, with the offsets that it stored: one for each replica there ever was would
 * lie there for a week. A group that has members stays. Never fails: what cannot be deleted now Kafka itself clears up
 * after `offsets.retention.minutes`.
 */
export const deleteGroup = (options: KafkaOptions, group: string): Effect.Effect<void> =>
  Effect.gen(function*() {
    const kafka = yield* kafkaClient(options, { requestTimeout: 2_000, retries: 0 })
    yield* Effect.acquireUseRelease(
      Effect.sync(() => kafka.admin()),
      (admin) =>
        Effect.andThen(
          attempt("connect", () => admin.connect()),
          attempt("delete group", () => admin.deleteGroups([group]).catch(reasonOf))
        ),
      (admin) => attempt("disconnect", () => admin.disconnect()).pipe(Effect.timeout(PATIENCE), Effect.ignore)
    )
  }).pipe(
    Effect.timeoutOrElse({
      duration: PATIENCE,
      orElse: () =>
        Effect.fail(new BusUnavailable({ operation: "delete group", cause: new Error(`no answer in ${PATIENCE}`) }))
    }),
    Effect.catch((error) =>
      errorType(error) === "NON_EMPTY_GROUP"
        ? Effect.logDebug(`group ${group} has other members and stays`)
        : Effect.logInfo(`group ${group} stays until Kafka clears it up`, error)
    )
  )

/** kafkajs tells of each group by itself, and this is about one. */
const reasonOf = (error: unknown): never => {
  const groups = typeof error === "object" && error !== null && "groups" in error ? error.groups : undefined
  const first: unknown = Array.isArray(groups) ? groups[0] : undefined
  throw typeof first === "object" && first !== null && "error" in first ? first.error : error
}
