import { Duration, Effect, Layer } from "effect"
import { Purge } from "../Purge.ts"
import { type IdempotencyRow, idempotencyRowKey } from "./IdempotencyMemory.ts"
import { type InboxRow, pair } from "./inboxRows.ts"
import { MemoryDatabase } from "./MemoryDatabase.ts"

export const PurgeMemory = Layer.effect(
  Purge,
  Effect.map(MemoryDatabase, (database) =>
    Purge.of({
      batch: (table, age, limit) =>
        database.statement(`purge ${table}`, [`purge/${table}`], (rows) => {
          const oldest = rows.now - Duration.toMillis(age)
          const old = table === "inbox"
            ? rows.scan<InboxRow>(table, (row) => row.receivedAt < oldest, limit)
              .map(({ consumer, messageId }) => pair(consumer, messageId))
            : rows.scan<IdempotencyRow>(table, (row) => row.createdAt < oldest, limit).map(idempotencyRowKey)
          for (const key of old) rows.remove(table, key)
          return old.length
        })
    }))
)
