import { Context, type DateTime, type Effect, Schema } from "effect"
import type { IncomingMessage } from "./Message.ts"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** `open` until an operator asks for something; `requested` until the owning consumer has done it. */
export const DeadLetterState = Schema.Literals([
  "open",
  "replay requested",
  "discard requested",
  "replayed",
  "discarded"
])
export type DeadLetterState = typeof DeadLetterState.Type

/** A message that its consumer could not handle, set aside with the reason. */
export interface DeadLetter {
  /** UUID of the letter itself. */
  readonly id: string
  readonly consumer: string
  /** Identity of the message in the inbox. */
  readonly messageId: string
  /** As it was received, but for what no database can hold: see inbox/Storable.ts. */
  readonly message: IncomingMessage
  readonly reason: string
  /** How often it has been tried, replays included. */
  readonly attempts: number
  readonly firstFailedAt: DateTime.Utc
  readonly lastFailedAt: DateTime.Utc
  readonly state: DeadLetterState
  readonly discardReason: string | undefined
  /** How many messages of its key wait behind it; 0 when another letter holds the gate by now. */
  readonly waiting: number
}

/** Which letters to list. Settled ones are those that were replayed or discarded. */
export interface DeadLetterFilter {
  readonly consumer?: string | undefined
  readonly key?: string | undefined
  /** `unsettled` if absent: open and requested ones. */
  readonly state?: DeadLetterState | "unsettled" | "any" | undefined
  /** The most letters; 100 if absent. Oldest first. */
  readonly limit?: number | undefined
  /** Only letters after this id, to page on. */
  readonly after?: string | undefined
}

/** What stands unsettled for one consumer. */
export interface DeadLetterCount {
  readonly consumer: string
  /** Letters that are neither replayed nor discarded. */
  readonly letters: number
  readonly parkedKeys: number
  readonly waiting: number
}

/** There is no dead letter with this id in this database. */
export class DeadLetterNotFound extends Schema.TaggedError<DeadLetterNotFound>()("DeadLetterNotFound", {
  id: Schema.String
}) {
  override get message() {
    return `There is no dead letter ${this.id} here.`
  }
}

/** The letter was replayed or discarded before; nothing is left to ask for. */
export class DeadLetterSettled extends Schema.TaggedError<DeadLetterSettled>()("DeadLetterSettled", {
  id: Schema.String,
  state: DeadLetterState
}) {
  override get message() {
    return `The dead letter ${this.id} is already ${this.state}.`
  }
}

/**
 * The operator's side of the dead letters of one database. Requests are only marked here: the consumer that owns the
 * letter acts on them within a second, or at its next start, in the place where its other messages are handled.
 */
export class DeadLetters extends Context.Service<DeadLetters, {
  readonly list: (filter?: DeadLetterFilter) => Effect.Effect<ReadonlyArray<DeadLetter>, DatabaseUnavailable>
  readonly show: (id: string) => Effect.Effect<DeadLetter, DeadLetterNotFound | DatabaseUnavailable>
  /** Asks to handle the message again, then those that wait behind it, in order. Asking twice is asking once. */
  readonly replay: (
    id: string
  ) => Effect.Effect<void, DeadLetterNotFound | DeadLetterSettled | DatabaseUnavailable>
  /** Asks the same for every open letter; gives how many were marked. */
  readonly replayAll: (consumer?: string) => Effect.Effect<number, DatabaseUnavailable>
  /** Asks to drop the message, with the reason on record, and to let through those that wait behind it, in order. */
  readonly discard: (
    id: string,
    reason: string
  ) => Effect.Effect<void, DeadLetterNotFound | DeadLetterSettled | DatabaseUnavailable>
  /** One entry for each consumer that has anything unsettled. */
  readonly counts: Effect.Effect<ReadonlyArray<DeadLetterCount>, DatabaseUnavailable>
}>()("@g-store/messaging/DeadLetters") {}
