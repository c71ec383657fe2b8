import { Context, type Duration, type Effect } from "effect"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** The tables that are purged by age. Dead letters and what waits behind them never are. */
export type PurgedTable = "inbox" | "idempotency"

/** Removes what has become too old to matter. */
export class Purge extends Context.Service<Purge, {
  /**
   * Deletes at most `limit` rows older than `age`, by the database's clock, and gives how many there were; undefined
   * when another replica is at it just now.
   */
  readonly batch: (
    table: PurgedTable,
    age: Duration.Duration,
    limit: number
  ) => Effect.Effect<number | undefined, DatabaseUnavailable>
}>()("@g-store/messaging/Purge") {}
