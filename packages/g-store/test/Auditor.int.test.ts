import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { migrate } from "@g-store/service-kit/Migrations.ts"
import { Effect, Layer, Logger, Queue } from "effect"
import { Auditor } from "../src/audit/Auditor.ts"
import { schemas } from "../src/Schemas.ts"
import { databaseNames } from "../src/StoreConfig.ts"

describe("the auditor", () => {
  it.live("waits for `gstore migrate`, says so, and looks once it was run", () =>
    Effect.gen(function*() {
      const urls = {
        orders: yield* testDatabaseUrl,
        payments: yield* testDatabaseUrl,
        notifications: yield* testDatabaseUrl
      }
      const logged = yield* Queue.unbounded<string>()
      const told = yield* Queue.unbounded<string | undefined>()
      yield* Layer.build(
        Auditor(urls, { told: (problem) => Queue.offer(told, problem) }).pipe(
          Layer.provide(Logger.layer([Logger.make<unknown, void>(({ message }) => {
            Queue.offerUnsafe(logged, String(message))
          })]))
        )
      )
      assert.include(yield* Queue.take(told), "gstore migrate")
      assert.include(yield* Queue.take(logged), "waiting for the schema: found version 0")
      for (const name of databaseNames) {
        yield* migrate(schemas[name]).pipe(Effect.provide(PgClient.layer({ url: urls[name], maxConnections: 1 })))
      }
      assert.isUndefined(yield* Queue.take(told))
      const rest = yield* Queue.clear(logged)
      assert.deepStrictEqual(rest.filter((line) => !line.startsWith("waiting for the schema")), [])
    }).pipe(Effect.scoped), 30_000)
})
