import { describe } from "@effect/vitest"
import { EventBus } from "@g-store/messaging/EventBus.ts"
import { DeadLettersMemory } from "@g-store/messaging/memory/DeadLettersMemory.ts"
import { IdempotencyMemory } from "@g-store/messaging/memory/IdempotencyMemory.ts"
import { InboxMemory } from "@g-store/messaging/memory/InboxMemory.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { OutboxMemory } from "@g-store/messaging/memory/OutboxMemory.ts"
import { TransactionsMemory } from "@g-store/messaging/memory/TransactionsMemory.ts"
import { eventBusConformance } from "@g-store/messaging/test/EventBusConformance.ts"
import { CounterMemory } from "@g-store/messaging/test/fixtures/Counting.ts"
import { inboxStoreContract } from "@g-store/messaging/test/fixtures/inboxStoreContract.ts"
import { LeaseTime, outboxStoreContract } from "@g-store/messaging/test/fixtures/outboxStoreContract.ts"
import { Waiters } from "@g-store/messaging/test/fixtures/Stores.ts"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { Broker } from "../src/servers/Broker.ts"
import { DatabaseServer } from "../src/servers/DatabaseServer.ts"
import { simulatedBus } from "../src/servers/SimulatedBus.ts"
import { simulatedDatabase } from "../src/servers/SimulatedDatabase.ts"
import { liveWorld } from "./liveWorld.ts"

// What the simulation finds is worth what its servers are worth: they pass the suites that the real adapters pass.

const SimulatedBus = Layer.effect(
  EventBus,
  Effect.map(
    liveWorld,
    ({ network, process, world }) =>
      simulatedBus(network, new Broker(world, 4), process, (messages) => `${messages.length} messages`)
  )
)

const SimulatedDatabase = Layer.effect(
  MemoryDatabase,
  Effect.map(
    liveWorld,
    ({ network, process, world }) =>
      simulatedDatabase(network, new DatabaseServer(world, "db"), process, (label) => label)
  )
)

eventBusConformance("the simulated bus", () => SimulatedBus)

const LeaseTimeSimulated = Layer.effect(
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
  "the simulated database",
  Layer.mergeAll(OutboxMemory, TransactionsMemory, LeaseTimeSimulated).pipe(Layer.provide(SimulatedDatabase))
)

/** A statement takes some virtual milliseconds to arrive, a turn of the event loop each; then it waits. */
const WaitersSimulated = Layer.succeed(
  Waiters,
  Waiters.of({ waiting: () => Effect.forEach(Array.from({ length: 300 }), () => Effect.yieldNow, { discard: true }) })
)

describe("InboxStore on the simulated database", () =>
  inboxStoreContract(
    Layer.mergeAll(
      InboxMemory,
      DeadLettersMemory,
      IdempotencyMemory,
      TransactionsMemory,
      CounterMemory,
      WaitersSimulated
    ).pipe(Layer.provideMerge(SimulatedDatabase), Layer.provideMerge(SecureRandom.layerWebCrypto))
  ))
