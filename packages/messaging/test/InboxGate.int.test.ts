import { PgClient } from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Exit } from "effect"
import { InboxStore } from "../src/InboxStore.ts"
import { Transactions } from "../src/Transactions.ts"
import { StoresPostgres } from "./fixtures/Stores.ts"

describe("a gate that a transaction has looked at", () => {
  it.live("is locked: who would open it meanwhile has to wait", () =>
    Effect.gen(function*() {
      const inbox = yield* InboxStore
      const transactions = yield* Transactions
      const sql = yield* PgClient
      const now = yield* DateTime.now
      yield* inbox.setAside("a", [{
        id: "0191f3a2-7b1c-7000-8000-000000000001",
        messageId: "1",
        message: { topic: "t", partition: 0, offset: 0n, key: "k", headers: {}, payload: new Uint8Array() },
        reason: "no",
        attempts: 1,
        firstFailedAt: now,
        lastFailedAt: now
      }])
      // Another connection, which does not wait and so cannot hang.
      const other = Effect.exit(sql`SELECT FROM parked_key WHERE key = 'k' FOR UPDATE NOWAIT`)
      const asked = yield* transactions.run(
        Effect.gen(function*() {
          yield* inbox.gates("a", ["k"])
          // A fiber of its own, outside of this transaction.
          return yield* Effect.promise(() => Effect.runPromise(other))
        })
      )
      assert.isTrue(Exit.isFailure(asked), "the gate could be locked by another")
      assert.isTrue(Exit.isSuccess(yield* other), "the gate is free afterwards")
    }).pipe(Effect.provide(StoresPostgres)))
})
