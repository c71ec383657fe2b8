import { assert, describe, it } from "@effect/vitest"
import { TestDatabase, testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { Effect, Exit, Fiber, Latch, Layer, Logger } from "effect"
import { SqlClient } from "effect/sql"
import { database } from "../src/Database.ts"
import {
  awaitSchema,
  currentVersion,
  migrate,
  migrateInTheEnd,
  type MigrationRecord,
  migrations
} from "../src/Migrations.ts"
import { env } from "./asking.ts"

const statement = (text: string) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(text))

const two: MigrationRecord = {
  "0001_things": statement("CREATE TABLE things (id int PRIMARY KEY)"),
  "0002_names": statement("ALTER TABLE things ADD COLUMN name text")
}
const three: MigrationRecord = { ...two, "0003_more": statement("CREATE TABLE more (id int)") }

/** A pool of its own on a database that the test shares between several. */
const pool = (url: Effect.Success<typeof testDatabaseUrl>, name: string) =>
  database({ url, applicationName: name, maxConnections: 2 })

describe("Migrations", () => {
  it.live("apply what is pending, once, in order", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* currentVersion, 0)
      assert.deepStrictEqual(yield* migrate(two), [[1, "things"], [2, "names"]])
      assert.deepStrictEqual(yield* migrate(two), [])
      assert.deepStrictEqual(yield* migrate(three), [[3, "more"]])
      assert.strictEqual(yield* currentVersion, 3)
    }).pipe(Effect.provide(TestDatabase)))

  it.live("are applied by exactly one of many processes that start at once", () =>
    Effect.gen(function*() {
      const url = yield* testDatabaseUrl
      const starters = Array.from(
        { length: 8 },
        (_, n) => migrate(three).pipe(Effect.provide(pool(url, `starter ${n}`)))
      )
      const applied = yield* Effect.all(starters, { concurrency: "unbounded" })
      assert.deepStrictEqual(applied.filter((steps) => steps.length > 0), [[[1, "things"], [2, "names"], [3, "more"]]])
    }).pipe(Effect.scoped))

  it.live("leave nothing behind when one of them fails", () =>
    Effect.gen(function*() {
      const broken: MigrationRecord = { ...two, "0003_broken": statement("CREATE TABLE things (id int)") }
      assert.isTrue(Exit.isFailure(yield* Effect.exit(migrate(broken))))
      assert.strictEqual(yield* currentVersion, 0)
      assert.lengthOf(yield* migrate(two), 2)
    }).pipe(Effect.provide(TestDatabase)))

  it.live("are begun anew when the database goes away in the middle, and given up when they are wrong", () =>
    Effect.gen(function*() {
      let lives = 0
      const cut = Effect.suspend(() =>
        lives++ < 2 ? statement("SELECT pg_terminate_backend(pg_backend_pid())") : statement("SELECT 1")
      )
      yield* migrateInTheEnd({ "0001_things": statement("CREATE TABLE things (id int)"), "0002_cut": cut })
      assert.strictEqual(lives, 3)
      assert.strictEqual(yield* currentVersion, 2)
      const wrong = yield* Effect.flip(
        migrateInTheEnd({ ...two, "0003_broken": statement("CREATE TABLE things (id int)") })
      )
      assert.include(wrong.message, "3_broken")
    }).pipe(Effect.provide(TestDatabase)))

  it.live("run at start in development; in production a service waits, says so, and goes on once they were run", () =>
    Effect.gen(function*() {
      const url = yield* testDatabaseUrl
      const asked = yield* Latch.make()
      const warnings: Array<string> = []
      const log = Logger.layer([Logger.make<unknown, void>(({ message }) => {
        warnings.push(String(message))
        Latch.openUnsafe(asked)
      })])
      const production = migrations(two).pipe(
        Layer.provide([pool(url, "production"), env({ GSTORE_ENV: "production" }), log])
      )
      const starting = yield* Effect.forkChild(Layer.build(production))
      yield* Latch.await(asked)
      assert.strictEqual(warnings[0], "waiting for the schema: found version 0, need 2; run `gstore migrate`")
      assert.isUndefined(starting.pollUnsafe())
      yield* migrate(two).pipe(Effect.provide(pool(url, "gstore migrate")))
      yield* Fiber.join(starting)

      // A schema that is newer than needed will do: the old replica of a rolling update.
      yield* Layer.build(migrations(three).pipe(Layer.provide([pool(url, "development"), env({})])))
      yield* awaitSchema(two).pipe(Effect.provide(pool(url, "old")))
      assert.strictEqual(yield* currentVersion.pipe(Effect.provide(pool(url, "reader"))), 3)
    }).pipe(Effect.scoped))
})
