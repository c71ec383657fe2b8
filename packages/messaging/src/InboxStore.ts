import { Context, type DateTime, type Effect } from "effect"
import type { IncomingMessage } from "./Message.ts"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** A message in the form that every store can hold (inbox/Storable.ts), with its identity in the inbox. */
export interface StoredMessage {
  readonly messageId: string
  readonly message: IncomingMessage
}

/** A message to set aside. */
export interface NewDeadLetter extends StoredMessage {
  /** UUID of the letter. */
  readonly id: string
  readonly reason: string
  readonly attempts: number
  readonly firstFailedAt: DateTime.Utc
  readonly lastFailedAt: DateTime.Utc
}

/** What `take` found. */
export interface Taken {
  /** The ids that nobody took before. */
  readonly fresh: ReadonlySet<string>
  /** Surely none of the keys is parked; where it is false, `gates` tells. */
  readonly open: boolean
}

/**
 * What a consumer knows of its messages. Every call belongs inside the transaction of the batch, in this order: `take`,
 * `gates` if that did not find them open, then the rest.
 *
 * `gates` after `take`, because a second handler of the same messages waits in `take` until the first one has committed,
 * and only a statement that begins after that sees the gates which the first one closed. Where all messages are fresh
 * there was no first one to wait for, so the look at the gates that `take` had along the way is as good.
 */
export class InboxStore extends Context.Service<InboxStore, {
  /**
   * Takes the messages for this consumer, in sorted order, and waits for each that another transaction is just taking.
   * `keys` are theirs.
   */
  readonly take: (
    consumer: string,
    ids: ReadonlyArray<string>,
    keys: ReadonlyArray<string>
  ) => Effect.Effect<Taken, DatabaseUnavailable>
  /** Those of the keys that are parked, their gates locked until the transaction ends. */
  readonly gates: (
    consumer: string,
    keys: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlySet<string>, DatabaseUnavailable>
  /**
   * Keeps the messages as dead letters and closes the gates of their keys (at most one letter a key; a null key has no
   * gate). False when another transaction closed one of the gates since `gates` looked: roll back and begin again.
   */
  readonly setAside: (
    consumer: string,
    letters: ReadonlyArray<NewDeadLetter>
  ) => Effect.Effect<boolean, DatabaseUnavailable>
  /** Puts messages behind the closed gates of their keys, in the order given. */
  readonly park: (
    consumer: string,
    messages: ReadonlyArray<StoredMessage>
  ) => Effect.Effect<void, DatabaseUnavailable>
}>()("@g-store/messaging/InboxStore") {}
