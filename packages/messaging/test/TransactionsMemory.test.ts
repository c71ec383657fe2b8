import { it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { MemoryDatabase } from "../src/memory/MemoryDatabase.ts"
import { TransactionsMemory } from "../src/memory/TransactionsMemory.ts"
import { Counters, transactionsContract } from "./fixtures/transactionsContract.ts"

const CountersMemory = Layer.effect(
  Counters,
  Effect.map(MemoryDatabase, (database) => {
    const valueOf = (name: string, locks: ReadonlyArray<string>) =>
      database.statement(`read ${name}`, locks, (rows) => rows.get<{ value: number }>("counter", name)?.value ?? 0)
    return {
      read: (name) => valueOf(name, []),
      lock: (name) => valueOf(name, [`counter/${name}`]),
      write: (name, value) =>
        database.statement(`write ${name}`, [`counter/${name}`], (rows) => rows.put("counter", name, { value })),
      runOutOfPatience: TestClock.adjust("6 seconds")
    }
  })
)

transactionsContract(
  "memory",
  it.effect,
  Layer.mergeAll(TransactionsMemory, CountersMemory).pipe(Layer.provide(MemoryDatabase.layer))
)
