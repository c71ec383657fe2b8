import { DateTime } from "effect"
import type { DeadLetter, DeadLetterCount, DeadLetterState } from "../DeadLetters.ts"
import type { NewDeadLetter, StoredMessage } from "../InboxStore.ts"
import type { WaitingMessage } from "../ReplayStore.ts"
import type { Rows } from "./MemoryDatabase.ts"

// The tables of postgres/inboxSchema.ts in memory, under the same names.

/** A row of `inbox`, by `pair(consumer, messageId)`. */
export interface InboxRow {
  readonly consumer: string
  readonly messageId: string
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

/** A row of `parked_key`, by `pair(consumer, key)`: a gate. */
export interface ParkedKeyRow {
  readonly consumer: string
  readonly key: string
  readonly letterId: string
  readonly draining: boolean
}

/** A row of `parked_message`, by `parkedMessageKey`. */
export interface ParkedMessageRow extends WaitingMessage {
  readonly consumer: string
  readonly key: string
}

/** A row of `dead_letter`, by its id. */
export interface DeadLetterRow extends Omit<DeadLetter, "firstFailedAt" | "lastFailedAt" | "waiting"> {
  /** Milliseconds since the epoch. */
  readonly firstFailedAt: number
  readonly lastFailedAt: number
}

/** Two names as one row key, so that no two pairs meet. */
export const pair = (first: string, second: string): string => `${first.length}:${first}${second}`

export const parkedMessageKey = (consumer: string, key: string, sequence: bigint): string =>
  pair(consumer, pair(key, String(sequence)))

export const gateLock = (consumer: string, key: string): string => `parked_key/${pair(consumer, key)}`

export const letterLock = (id: string): string => `dead_letter/${id}`

export const gateOf = (rows: Rows, consumer: string, key: string): ParkedKeyRow | undefined =>
  rows.get<ParkedKeyRow>("parked_key", pair(consumer, key))

export const putGate = (rows: Rows, gate: ParkedKeyRow): void =>
  rows.put("parked_key", pair(gate.consumer, gate.key), gate)

export const putLetter = (rows: Rows, consumer: string, letter: NewDeadLetter): void => {
  const row: DeadLetterRow = {
    ...letter,
    consumer,
    firstFailedAt: DateTime.toEpochMillis(letter.firstFailedAt),
    lastFailedAt: DateTime.toEpochMillis(letter.lastFailedAt),
    state: "open",
    discardReason: undefined
  }
  rows.put("dead_letter", letter.id, row)
}

/** Changes a letter that is there. */
export const changeLetter = (rows: Rows, id: string, change: (row: DeadLetterRow) => DeadLetterRow): void => {
  const row = rows.get<DeadLetterRow>("dead_letter", id)
  if (row !== undefined) rows.put("dead_letter", id, change(row))
}

/** Puts a message behind the gate of its key. */
export const putParked = (rows: Rows, consumer: string, { message, messageId }: StoredMessage): void => {
  const { key } = message
  if (key === null) throw new Error(`${messageId} has no key and so nothing to wait behind`)
  const sequence = BigInt(rows.nextSequence("parked_message"))
  const row: ParkedMessageRow = { consumer, key, sequence, messageId, message }
  rows.put("parked_message", parkedMessageKey(consumer, key, sequence), row)
}

/** What waits behind the gate, in order. */
export const waitingOf = (rows: Rows, consumer: string, key: string): ReadonlyArray<ParkedMessageRow> =>
  rows.scan<ParkedMessageRow>("parked_message", (row) => row.consumer === consumer && row.key === key)
    .toSorted((a, b) => Number(a.sequence - b.sequence))

export const isUnsettled = ({ state }: { readonly state: DeadLetterState }): boolean =>
  state !== "replayed" && state !== "discarded"

export const deadLetter = (rows: Rows, row: DeadLetterRow): DeadLetter => {
  const { key } = row.message
  const gate = key === null ? undefined : gateOf(rows, row.consumer, key)
  return {
    ...row,
    firstFailedAt: DateTime.makeUnsafe(row.firstFailedAt),
    lastFailedAt: DateTime.makeUnsafe(row.lastFailedAt),
    waiting: key === null || gate?.letterId !== row.id ? 0 : waitingOf(rows, row.consumer, key).length
  }
}

/** What stands unsettled, for one consumer or for each that has something. */
export const countOf = (rows: Rows, consumer?: string): ReadonlyArray<DeadLetterCount> => {
  const mine = (row: { readonly consumer: string }) => consumer === undefined || row.consumer === consumer
  const letters = rows.scan<DeadLetterRow>("dead_letter", (row) => mine(row) && isUnsettled(row))
  const keys = rows.scan<ParkedKeyRow>("parked_key", mine)
  const waiting = rows.scan<ParkedMessageRow>("parked_message", mine)
  const consumers = new Set([...letters, ...keys, ...waiting].map((row) => row.consumer))
  const of = (from: ReadonlyArray<{ readonly consumer: string }>, name: string) =>
    from.filter((row) => row.consumer === name).length
  return [...consumers].toSorted().map((name) => ({
    consumer: name,
    letters: of(letters, name),
    parkedKeys: of(keys, name),
    waiting: of(waiting, name)
  }))
}
