import { Context, type DateTime, type Effect } from "effect"
import type { DeadLetter, DeadLetterCount } from "./DeadLetters.ts"
import type { NewDeadLetter, StoredMessage } from "./InboxStore.ts"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** A message behind a gate. Those of one key are handled in the order of `sequence`. */
export interface WaitingMessage extends StoredMessage {
  readonly sequence: bigint
}

/** A message that waits for an operator: of an unsettled letter, or behind a gate. `place` orders them all. */
export interface HeldMessage extends StoredMessage {
  readonly place: string
}

/** Something to do for a consumer: a letter that an operator decided on, or a gate with messages left behind it. */
export interface Errand {
  readonly letterId: string
  readonly key: string | null
}

/** A gate: the letter that closed it, and whether that one is settled so that only the waiting messages are left. */
export interface Gate {
  readonly letterId: string
  readonly draining: boolean
}

/**
 * The consumer's side of dead letters: acting on what operators asked for. All but `errands`, `heldBack`,
 * `closedGates` and `count` belong inside a transaction that began with `lockGate`, so that live messages of the key wait or see the gate.
 */
export class ReplayStore extends Context.Service<ReplayStore, {
  /** What is to be done, oldest letter first. */
  readonly errands: (consumer: string) => Effect.Effect<ReadonlyArray<Errand>, DatabaseUnavailable>
  readonly lockGate: (consumer: string, key: string) => Effect.Effect<Gate | undefined, DatabaseUnavailable>
  readonly lockLetter: (letterId: string) => Effect.Effect<DeadLetter | undefined, DatabaseUnavailable>
  /** The letter is done with. */
  readonly settle: (letterId: string, state: "replayed" | "discarded") => Effect.Effect<void, DatabaseUnavailable>
  /** The replay failed: the letter is open again and says why. */
  readonly reopen: (
    letterId: string,
    failure: { readonly reason: string; readonly attempts: number; readonly at: DateTime.Utc }
  ) => Effect.Effect<void, DatabaseUnavailable>
  /** The letter of the gate is settled; the waiting messages are next. */
  readonly drain: (consumer: string, key: string) => Effect.Effect<void, DatabaseUnavailable>
  /** The first messages behind the gate, in order. */
  readonly waiting: (
    consumer: string,
    key: string,
    limit: number
  ) => Effect.Effect<ReadonlyArray<WaitingMessage>, DatabaseUnavailable>
  /** Forgets waiting messages that were handled or became letters. */
  readonly release: (
    consumer: string,
    key: string,
    sequences: ReadonlyArray<bigint>
  ) => Effect.Effect<void, DatabaseUnavailable>
  /** A waiting message is poison itself: keeps it as the letter that now holds the gate. */
  readonly replaceLetter: (
    consumer: string,
    key: string,
    letter: NewDeadLetter
  ) => Effect.Effect<void, DatabaseUnavailable>
  /** Removes the gate; nothing may wait behind it. */
  readonly openGate: (consumer: string, key: string) => Effect.Effect<void, DatabaseUnavailable>
  /**
   * Messages of unsettled letters and behind any gate of the consumer, at most `limit` of those behind `after` (a place;
   * empty to begin). For alerts at start.
   */
  readonly heldBack: (
    consumer: string,
    after: string,
    limit: number
  ) => Effect.Effect<ReadonlyArray<HeldMessage>, DatabaseUnavailable>
  /** The keys that have a gate; of these only, if some are named. */
  readonly closedGates: (
    consumer: string,
    among?: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlySet<string>, DatabaseUnavailable>
  /** How much stands unsettled. */
  readonly count: (consumer: string) => Effect.Effect<Omit<DeadLetterCount, "consumer">, DatabaseUnavailable>
}>()("@g-store/messaging/ReplayStore") {}
