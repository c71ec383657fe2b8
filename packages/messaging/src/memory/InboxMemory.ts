import { Effect, Layer } from "effect"
import type { DeadLetter } from "../DeadLetters.ts"
import { InboxStore, type NewDeadLetter, type StoredMessage, type WaitingMessage } from "../InboxStore.ts"
import { MemoryDatabase, type Rows } from "./MemoryDatabase.ts"

/** A row of `inbox`. */
export interface InboxRow {
  readonly consumer: string
  readonly receivedAt: number
}

/** A row of `parked_key`: a gate. */
export interface ParkedKeyRow {
  readonly consumer: string
  readonly key: string
  readonly letterId: string
  readonly draining: boolean
}

/** A row of `parked_message`. */
export interface ParkedMessageRow extends WaitingMessage {
  readonly consumer: string
  readonly key: string
}

/** A row of `dead_letter`; `order` is that of insertion. */
export type DeadLetterRow = Omit<DeadLetter, "waiting">

/** Two names as one row key, so that no two pairs meet. */
export const pair = (first: string, second: string): string => `${first.length}:${first}${second}`

export const gateLock = (consumer: string, key: string): string => `parked_key/${pair(consumer, key)}`

export const letterRow = (consumer: string, letter: NewDeadLetter): DeadLetterRow => ({
  ...letter,
  consumer,
  state: "open",
  discardReason: undefined
})

/** Puts a message behind the closed gate of its key. */
const putParked = (rows: Rows, consumer: string, { message, messageId }: StoredMessage): void => {
  const key = message.key
  if (key === null) return
  const sequence = BigInt(rows.nextSequence("parked_message"))
  const row: ParkedMessageRow = { consumer, key, sequence, messageId, message }
  rows.put("parked_message", pair(consumer, `${pair(key, "")}${sequence}`), row)
}

const inboxStore = Effect.map(MemoryDatabase, (database) =>
  InboxStore.of({
    mark: (consumer, ids) => {
      const sorted = ids.toSorted()
      return database.statement("inbox mark", sorted.map((id) => `inbox/${pair(consumer, id)}`), (rows) => {
        const fresh = new Set<string>()
        for (const id of sorted) {
          if (rows.get("inbox", pair(consumer, id)) !== undefined) continue
          const row: InboxRow = { consumer, receivedAt: rows.now }
          rows.put("inbox", pair(consumer, id), row)
          fresh.add(id)
        }
        return fresh
      })
    },
    gates: (consumer, keys) => {
      const closed = (rows: Rows) => keys.filter((key) => rows.get("parked_key", pair(consumer, key)) !== undefined)
      // As in SQL, only gates that exist can be locked: a look, then the locks, then what is left of them.
      return Effect.flatMap(database.statement("inbox gates", [], closed), (found) =>
        found.length === 0
          ? Effect.succeed(new Set<string>())
          : database.statement(
            "inbox lock gates",
            found.toSorted().map((key) => gateLock(consumer, key)),
            (rows) => new Set(found.filter((key) => rows.get("parked_key", pair(consumer, key)) !== undefined))
          ))
    },
    setAside: (consumer, letters) => {
      const keys = letters.flatMap(({ message }) => message.key === null ? [] : [message.key]).toSorted()
      return database.statement("inbox set aside", keys.map((key) => gateLock(consumer, key)), (rows) => {
        if (keys.some((key) => rows.get("parked_key", pair(consumer, key)) !== undefined)) return false
        for (const letter of letters) {
          rows.put("dead_letter", letter.id, letterRow(consumer, letter))
          const key = letter.message.key
          if (key === null) continue
          const gate: ParkedKeyRow = { consumer, key, letterId: letter.id, draining: false }
          rows.put("parked_key", pair(consumer, key), gate)
        }
        return true
      })
    },
    park: (consumer, messages) =>
      database.statement("inbox park", [], (rows) => messages.forEach((message) => putParked(rows, consumer, message)))
  }))

export const InboxMemory = Layer.effect(InboxStore, inboxStore)
