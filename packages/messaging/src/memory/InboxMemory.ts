import { Context, Effect, Layer } from "effect"
import { InboxStore } from "../InboxStore.ts"
import { ReplayStore } from "../ReplayStore.ts"
import { gateLock, gateOf, type InboxRow, pair, putGate, putLetter, putParked } from "./inboxRows.ts"
import { MemoryDatabase, type Rows } from "./MemoryDatabase.ts"
import { replayStoreMemory } from "./ReplayStoreMemory.ts"

const inboxStore = (database: MemoryDatabase["Service"]): InboxStore["Service"] =>
  InboxStore.of({
    take: (consumer, ids, keys) => {
      const sorted = ids.toSorted()
      return database.statement("inbox take", sorted.map((id) => `inbox/${pair(consumer, id)}`), (rows) => {
        const fresh = new Set<string>()
        for (const id of sorted) {
          if (rows.get("inbox", pair(consumer, id)) !== undefined) continue
          const row: InboxRow = { consumer, messageId: id, receivedAt: rows.now }
          rows.put("inbox", pair(consumer, id), row)
          fresh.add(id)
        }
        const open = fresh.size === ids.length && keys.every((key) => gateOf(rows, consumer, key) === undefined)
        return { fresh, open }
      })
    },
    gates: (consumer, keys) => {
      const closed = (of: ReadonlyArray<string>) => (rows: Rows) =>
        new Set(of.filter((key) => gateOf(rows, consumer, key) !== undefined))
      // As in SQL, only gates that exist can be locked: a look, then the locks, then what is left of them.
      return Effect.flatMap(database.statement("inbox gates", [], closed(keys)), (found) => {
        const sorted = [...found].toSorted()
        return found.size === 0
          ? Effect.succeed(found)
          : database.statement("inbox lock gates", sorted.map((key) => gateLock(consumer, key)), closed(sorted))
      })
    },
    setAside: (consumer, letters) => {
      const keys = letters.flatMap(({ message }) => message.key === null ? [] : [message.key]).toSorted()
      return database.statement("inbox set aside", keys.map((key) => gateLock(consumer, key)), (rows) => {
        if (keys.some((key) => gateOf(rows, consumer, key) !== undefined)) return false
        for (const letter of letters) {
          putLetter(rows, consumer, letter)
          const { key } = letter.message
          if (key !== null) putGate(rows, { consumer, key, letterId: letter.id, draining: false })
        }
        return true
      })
    },
    park: (consumer, messages) =>
      database.statement("inbox park", [], (rows) => messages.forEach((message) => putParked(rows, consumer, message)))
  })

/** Both sides of what a consumer keeps, in memory. */
export const InboxMemory = Layer.effectContext(
  Effect.map(
    MemoryDatabase,
    (database) =>
      Context.make(InboxStore, inboxStore(database)).pipe(Context.add(ReplayStore, replayStoreMemory(database)))
  )
)
