import { Context, type Effect, type Scope } from "effect"
import type { OutgoingMessage } from "./Message.ts"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** How long a claimed shard belongs to its owner without renewal, milliseconds on the database's clock. */
export const LEASE_MILLIS = 5_000

/** A row of the outbox. Positions grow; within a key they grow in commit order. */
export interface OutboxRow {
  readonly position: bigint
  readonly shard: number
  readonly message: OutgoingMessage
}

/** The right to relay a shard. `epoch` grows by one with every change of owner. */
export interface Lease {
  readonly shard: number
  readonly epoch: bigint
  /** Milliseconds that were left of it when the database answered; count from before the question was sent. */
  readonly remaining: number
}

export interface Claim {
  /** Names one run of a relay; never used again after a restart. */
  readonly owner: string
  /**
   * Take the shards of others too, living or dead. Only where the data cannot have a second process (embedded), and only
   * once, at the start: the predecessor is dead then, and its leases need not be waited for.
   */
  readonly exclusive?: boolean | undefined
}

/** Rows that were published, to be removed under the lease under which they were read. */
export interface Removal {
  readonly shard: number
  readonly epoch: bigint
  readonly positions: ReadonlyArray<bigint>
}

export interface Exchange {
  /** Exactly these rows are removed; nothing of a shard whose epoch has moved on. */
  readonly removals: ReadonlyArray<Removal>
  /** Shards to be read. */
  readonly shards: ReadonlyArray<number>
  /** The most rows of each of them, from its first on, in position order within a shard. */
  readonly limit: number
}

/** What waits in one topic's part of the outbox. */
export interface OutboxStatus {
  readonly topic: string
  readonly depth: number
  /** Milliseconds since the oldest waiting row was written, on the database's clock. */
  readonly oldestMillis: number
}

/** The relay's side of the outbox: the rows, and the lease of each shard. */
export class OutboxStore extends Context.Service<OutboxStore, {
  /** Renews what the owner holds and takes the shards that nobody does; answers all that it now holds. */
  readonly claim: (claim: Claim) => Effect.Effect<ReadonlyArray<Lease>, DatabaseUnavailable>
  /** Gives the owner's shards back at once. An unreleased lease runs out by itself. */
  readonly release: (owner: string) => Effect.Effect<void, DatabaseUnavailable>
  /**
   * Removes what was published and reads what is next, in one step: a row that it removes it does not read. One statement
   * for both, since at most times a relay has a row or two to do either with.
   */
  readonly exchange: (exchange: Exchange) => Effect.Effect<ReadonlyArray<OutboxRow>, DatabaseUnavailable>
  /** Depth and age by topic; empty topics are absent. Reads the whole outbox: ask seldom. */
  readonly status: Effect.Effect<ReadonlyArray<OutboxStatus>, DatabaseUnavailable>
  /**
   * Listens for rows committed by this process: the effect given waits until there were some since it last answered.
   * Rows of other processes are not announced.
   */
  readonly wakeups: Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
}>()("@g-store/messaging/OutboxStore") {}
