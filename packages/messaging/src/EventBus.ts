import { Context, type Effect, Schema, type Stream } from "effect"
import type { IncomingMessage, WireMessage } from "./Message.ts"

/** The broker cannot be reached, refused, or did not say in time: what was asked may or may not have happened. */
export class BusUnavailable extends Schema.TaggedError<BusUnavailable>()("BusUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {}

/** Messages of one partition, in offset order. The partition's next batch comes only after `acknowledge`. */
export interface Batch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly [IncomingMessage, ...ReadonlyArray<IncomingMessage>]
  /**
   * Moves the group's offset behind the batch. Call it once all effects are durable. Refused (BusUnavailable) when the
   * partition meanwhile belongs to another member: the messages come again there, and the inbox knows them.
   */
  readonly acknowledge: Effect.Effect<void, BusUnavailable>
}

export interface Subscription {
  readonly topics: ReadonlyArray<string>
  /** Members of one group share the partitions; each group gets every message. New groups begin at the earliest. */
  readonly group: string
  /**
   * The group is this member's own and nobody will miss it: it goes, with all that it acknowledged, when its last member
   * leaves in good order. One that dies leaves it behind, for its next life or for the broker's own clearing up. Durable
   * groups of the bus in memory stay.
   */
  readonly temporary?: boolean | undefined
  /** The most messages in a batch; 500 if absent. */
  readonly maxBatch?: number | undefined
  /**
   * For consumers that keep their own positions: asked after every assignment for the next offset to read;
   * undefined means the group's committed one, else the earliest.
   */
  readonly startAt?: ((topic: string, partition: number) => Effect.Effect<bigint | undefined>) | undefined
  /** Told each time the group has given this member its partitions (none is possible). */
  readonly onAssigned?: Effect.Effect<void> | undefined
}

/** At least once, in order per key. Kafka between processes, memory inside one. */
export class EventBus extends Context.Service<EventBus, {
  /**
   * Done when every message is held by all in-sync replicas (memory: acknowledged by every durable group). On failure
   * any part of the batch may have been published. Order among messages of one key is kept.
   */
  readonly publish: (messages: ReadonlyArray<WireMessage>) => Effect.Effect<void, BusUnavailable>
  /**
   * Batches of the partitions that this member holds, at most one unacknowledged batch a partition; others flow on.
   * Fails when the member cannot go on (crash of the client, lost group): the supervisor subscribes anew.
   */
  readonly subscribe: (subscription: Subscription) => Stream.Stream<Batch, BusUnavailable>
}>()("@g-store/messaging/EventBus") {}
