import { Effect, Exit, Random, Schema } from "effect"
import type { EventBus } from "../EventBus.ts"
import { toWire } from "../Message.ts"
import type { OutboxRow, Removal } from "../OutboxStore.ts"
import type { RelayReport } from "./RelayReport.ts"
import type { ShardLeases } from "./ShardLeases.ts"

/** The bus did not confirm a batch while the lease lasted: it may be published, or yet be. */
class PublishTimeout extends Schema.TaggedError<PublishTimeout>()("PublishTimeout", { milliseconds: Schema.Finite }) {}

/** What is kept of the lease when a publish is given up, for clocks that run unevenly and answers under way. */
export const MARGIN_MILLIS = 500
const FIRST_DELAY = 100
/** Short, since a hop that is tried late adds that to everything that waited through an outage. */
const LONGEST_DELAY = 1_000
/** What one publish may carry at most, if that is more than one message: brokers refuse larger batches (1 MB). */
const MOST_BYTES = 512 * 1024

/** As many of the rows, from the first on, as go into one batch. */
export const oneBatch = (rows: ReadonlyArray<OutboxRow>): ReadonlyArray<OutboxRow> => {
  let bytes = 0
  const over = rows.findIndex(({ message }) => (bytes += message.payload.length) > MOST_BYTES)
  return over < 0 ? rows : rows.slice(0, Math.max(1, over))
}

/**
 * What came of a publish: the rows to remove, and whether the shard's publish before that had failed; or after how many
 * milliseconds the same head is to be tried again.
 */
export type Published =
  | { readonly removal: Removal; readonly recovered: boolean }
  | { readonly retryAfter: number }

/** Publishes the head of one shard, given up while its lease still lasts. Never asked to beside itself for one shard. */
export const shardPublisher = (
  bus: EventBus["Service"],
  leases: ShardLeases,
  report: RelayReport
): (rows: ReadonlyArray<OutboxRow>, shard: number, epoch: bigint) => Effect.Effect<Published> => {
  const failures = new Map<number, number>()

  return Effect.fnUntraced(function*(rows, shard, epoch) {
    const millis = (yield* leases.remaining(shard)) - MARGIN_MILLIS
    if (millis <= 0) return { retryAfter: 0 }
    // Defects of the bus are failures too: whatever happens, the shard is tried again.
    const exit = yield* bus.publish(rows.map(({ message }) => toWire(message))).pipe(
      Effect.timeoutOrElse({
        duration: millis,
        orElse: () => Effect.fail(new PublishTimeout({ milliseconds: millis }))
      }),
      Effect.exit
    )
    if (Exit.isSuccess(exit)) {
      const recovered = failures.delete(shard)
      yield* report.shardFlows(shard)
      yield* report.published(rows)
      return { removal: { shard, epoch, positions: rows.map(({ position }) => position) }, recovered }
    }
    const nth = failures.get(shard) ?? 0
    failures.set(shard, nth + 1)
    const unknown = exit.cause.reasons.some((reason) =>
      reason._tag === "Fail" && reason.error instanceof PublishTimeout
    )
    yield* report.publishFailed(shard, exit.cause, unknown)
    // Half of the delay is always waited, the rest by chance: relays that fail together do not come back together.
    const spread = (yield* Random.next) / 2 + 0.5
    return { retryAfter: Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(nth, 10)) * spread }
  })
}
