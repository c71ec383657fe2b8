import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { TestDatabase } from "../src/TestPostgres.ts"

describe("TestDatabase", () => {
  const count = Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`CREATE TABLE seen (id int)`
    return (yield* sql`SELECT * FROM seen`).length
  })
  it.effect("is empty at every build", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* count.pipe(Effect.provide(TestDatabase)), 0)
      assert.strictEqual(yield* count.pipe(Effect.provide(TestDatabase)), 0)
    }))
})
