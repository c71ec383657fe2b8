import { Effect, Layer } from "effect"
import { MemoryDatabase } from "../src/memory/MemoryDatabase.ts"
import { OutboxMemory } from "../src/memory/OutboxMemory.ts"
import { TransactionsMemory } from "../src/memory/TransactionsMemory.ts"
import { LeaseTime, outboxStoreContract } from "./fixtures/outboxStoreContract.ts"

const LeaseTimeMemory = Layer.effect(
  LeaseTime,
  Effect.map(MemoryDatabase, (database) => ({
    pass: Effect.orDie(database.statement("age the leases", [], (rows) => {
      for (const lease of rows.scan<{ readonly shard: number }>("relay_lease")) {
        rows.put("relay_lease", String(lease.shard), { ...lease, expiresAt: rows.now - 1 })
      }
    }))
  }))
)

outboxStoreContract(
  "memory",
  Layer.mergeAll(OutboxMemory, TransactionsMemory, LeaseTimeMemory).pipe(Layer.provide(MemoryDatabase.layer))
)
