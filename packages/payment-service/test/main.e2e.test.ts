import { assert, describe, it } from "@effect/vitest"
import { testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { Effect, Queue, Redacted } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { ada } from "./fixtures.ts"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** The service as a process of its own: its output, and how it ended. */
const started = (env: Record<string, string>) =>
  Effect.gen(function*() {
    const output = yield* Queue.unbounded<string>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [main], {
          env: { PATH: "/usr/bin:/bin", HTTP_PORT: "0", ADMIN_PORT: "0", LOG_FORMAT: "json", ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (running) => Effect.sync(() => void running.kill("SIGKILL"))
    )
    const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)))
    let errors = ""
    createInterface(child.stdout).on("line", (line) => Queue.offerUnsafe(output, line))
    child.stderr.on("data", (chunk) => (errors += String(chunk)))
    return {
      /** What `pattern` captures in the first line, from here on, that it fits. */
      says: (pattern: RegExp) =>
        Queue.take(output).pipe(
          Effect.map((line) => pattern.exec(line)?.[1]),
          Effect.repeat({ until: (found) => found !== undefined }),
          Effect.map((found) => found ?? "")
        ),
      stop: Effect.sync(() => void child.kill("SIGTERM")),
      ended: Effect.promise(() => ended),
      errors: Effect.sync(() => errors)
    }
  })

const json = (url: string, init?: RequestInit) =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    return { status: response.status, body: await response.json() }
  })

describe("payment-service by itself", () => {
  it.live("serves accounts on an empty database while Kafka is away, and stops when it is told to", () =>
    Effect.gen(function*() {
      const service = yield* started({
        DATABASE_URL: Redacted.value(yield* testDatabaseUrl),
        KAFKA_BROKERS: "127.0.0.1:1",
        AUTH_MODE: "trusted-header"
      })
      const listening = /listening on (http:\/\/[^" ]+)/
      const admin = yield* service.says(listening)
      const http = yield* service.says(listening)
      const headers = { "x-user-id": ada, "content-type": "application/json" }
      const opened = yield* json(`${http}/v1/accounts`, { method: "POST", headers })
      assert.strictEqual(opened.status, 201)
      const read = yield* json(`${http}/v1/accounts/me`, { headers })
      assert.deepInclude(read.body, { id: opened.body.id, userId: ada, balance: 0 })
      assert.strictEqual((yield* json(`${http}/openapi.json`)).body.openapi.slice(0, 3), "3.1")
      assert.strictEqual((yield* json(`${admin}/health/live`)).status, 200)
      yield* service.stop
      assert.strictEqual(yield* service.ended, 0)
      assert.strictEqual(yield* service.errors, "")
    }))

  it.live("says which variable is missing, and ends", () =>
    Effect.gen(function*() {
      const service = yield* started({ KAFKA_BROKERS: "127.0.0.1:1", AUTH_MODE: "trusted-header" })
      assert.strictEqual(yield* service.ended, 1)
      assert.match(yield* service.errors, /^DATABASE_URL: expected .*\n$/)
    }))
})
