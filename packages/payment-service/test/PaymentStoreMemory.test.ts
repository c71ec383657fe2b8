import { assert, describe, it } from "@effect/vitest"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Array, Effect, Layer } from "effect"
import { PaymentRepository } from "../src/application/PaymentRepository.ts"
import { PaymentStoreMemory } from "../src/PaymentStoreMemory.ts"
import { accountContract } from "./accountContract.ts"
import { balanceOf, openAccounts, settle, Waiting } from "./books.ts"
import { ada, created, orderId } from "./fixtures.ts"
import { paymentContract } from "./paymentContract.ts"
import { raceContract } from "./raceContract.ts"

// Nothing in memory waits for anything but locks: who has not come to an end after so many turns waits for one.
const waiting = Effect.forEach(Array.range(1, 1000), () => Effect.yieldNow, { discard: true })

const PaymentStoreTest = PaymentStoreMemory.pipe(
  Layer.provide(MemoryDatabase.layer),
  Layer.provideMerge(Layer.succeed(Waiting, waiting))
)

accountContract("memory", PaymentStoreTest)
paymentContract("memory", PaymentStoreTest)
raceContract("memory", PaymentStoreTest)

describe("the store in memory", () => {
  it.live("stores nothing when the last of its statements fails", () => {
    const LosesMessages = Layer.effect(
      MemoryDatabase,
      Effect.map(MemoryDatabase, (database) =>
        MemoryDatabase.of({
          ...database,
          statement: (label, locks, f) =>
            label === "outbox append"
              ? Effect.fail(new DatabaseUnavailable({ cause: new Error("lost by the test") }))
              : database.statement(label, locks, f)
        }))
    ).pipe(Layer.provide(MemoryDatabase.layer))
    return Effect.gen(function*() {
      yield* openAccounts(1, 100)
      yield* Effect.flip(settle(1, created(1, 60)))
      assert.strictEqual((yield* Effect.flip((yield* PaymentRepository).byOrder(orderId(1))))._tag, "PaymentNotFound")
      assert.strictEqual(yield* balanceOf(ada), 100n)
    }).pipe(Effect.provide(PaymentStoreMemory.pipe(Layer.provide(LosesMessages))))
  })
})
