import { assert, describe, it } from "@effect/vitest"
import { CurrentTraceparent } from "@g-store/messaging/TraceContext.ts"
import { Config, Effect, Exit, Layer, Redacted, Schema, Scope } from "effect"
import { logging } from "../src/Logging.ts"
import { scrubbed } from "../src/LogLine.ts"
import { configLine } from "../src/Variable.ts"
import { env } from "./asking.ts"

class Broken extends Schema.TaggedError<Broken>()("Broken", { message: Schema.String, cause: Schema.Defect() }) {}

/** Runs `program` with the log that `variables` ask for; gives the lines. */
const logged = (variables: Record<string, string>, program: Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    let text = ""
    const sink = { colour: false, write: (more: string) => void (text += more) }
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(logging("orders", sink).pipe(Layer.provide(env(variables))), scope)
    yield* Effect.provideContext(program, context)
    yield* Scope.close(scope, Exit.void)
    return text.split("\n").filter((line) => line !== "")
  })

const messages = (lines: ReadonlyArray<string>) =>
  lines.map((line) => {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null && "message" in value ? value.message : undefined
  })

const inModule = (module: string) => Effect.annotateLogs({ module })
const everything = (name: string) =>
  Effect.all([
    Effect.logDebug(`${name} debug`),
    Effect.logInfo(`${name} info`),
    Effect.logWarning(`${name} warn`)
  ])

describe("LOG_FILTER", () => {
  const program = Effect.all([
    everything("none"),
    everything("messaging").pipe(inModule("messaging")),
    everything("relay").pipe(inModule("messaging.relay")),
    everything("other").pipe(inModule("messagingother")),
    everything("http").pipe(inModule("http"))
  ])
  const json = { LOG_FORMAT: "json" }

  it.effect("sets a level per module; the longest prefix decides", () =>
    Effect.gen(function*() {
      const lines = yield* logged({ ...json, LOG_FILTER: "messaging=debug,http=warn,messaging.relay=error" }, program)
      assert.deepStrictEqual(messages(lines), [
        "none info",
        "none warn",
        "messaging debug",
        "messaging info",
        "messaging warn",
        "other info",
        "other warn",
        "http warn"
      ])
    }))

  it.effect("leaves everything else at LOG_LEVEL", () =>
    Effect.gen(function*() {
      const lines = yield* logged({ ...json, LOG_LEVEL: "WARN", LOG_FILTER: "http=info" }, program)
      assert.deepStrictEqual(messages(lines), [
        "none warn",
        "messaging warn",
        "relay warn",
        "other warn",
        "http info",
        "http warn"
      ])
    }))

  it.effect("that is wrong stops the start with one line", () =>
    Effect.gen(function*() {
      for (
        const [name, value] of [["LOG_FILTER", "http"], ["LOG_FILTER", "http=loud"], ["LOG_LEVEL", "loud"], [
          "LOG_FORMAT",
          "xml"
        ]]
      ) {
        const error = yield* Effect.flip(
          Layer.build(logging("orders").pipe(Layer.provide(env({ [name ?? ""]: value ?? "" }))))
        )
        assert.instanceOf(error, Config.ConfigError)
        assert.match(configLine(error), new RegExp(`^${name}: expected .*, found "${value}"$`))
      }
    }))
})

describe("A line of the log", () => {
  it.effect("is one JSON object with service, module, trace id and annotations beside the message", () =>
    Effect.gen(function*() {
      const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      const [line = ""] = yield* logged(
        { LOG_FORMAT: "json" },
        Effect.logInfo("published", { events: 2n }).pipe(
          Effect.annotateLogs({ module: "messaging.relay", orderId: "o-1" }),
          Effect.provideService(CurrentTraceparent, traceparent)
        )
      )
      const { timestamp, ...rest } = JSON.parse(line)
      assert.match(timestamp, /^\d{4}-\d\d-\d\dT/)
      assert.deepStrictEqual(rest, {
        level: "INFO",
        service: "orders",
        module: "messaging.relay",
        orderId: "o-1",
        message: "published {\"events\":\"2n\"}",
        traceId: "4bf92f3577b34da6a3ce929d0e0e4736"
      })
    }))

  it.effect("names the service that the line is annotated with, where several share a process", () =>
    Effect.gen(function*() {
      const [line = ""] = yield* logged(
        { LOG_FORMAT: "json" },
        Effect.logInfo("x").pipe(Effect.annotateLogs({ service: "payments" }))
      )
      assert.strictEqual(JSON.parse(line).service, "payments")
    }))

  it.effect("for people has time, level, module, message and the rest as pairs; causes follow", () =>
    Effect.gen(function*() {
      const lines = yield* logged(
        { LOG_FORMAT: "pretty" },
        Effect.logWarning("slow", new Broken({ message: "no answer", cause: new Error("ECONNREFUSED") })).pipe(
          Effect.annotateLogs({ module: "http", status: 503 })
        )
      )
      assert.match(
        lines[0] ?? "",
        /^\d\d:\d\d:\d\d\.\d{3} WARN  \[http\] slow Broken: no answer \(Error: ECONNREFUSED\) status=503$/
      )
    }))

  it.effect("never has a secret in it, by whatever way it came", () =>
    Effect.gen(function*() {
      const token = `eyJhbGciOiJFUzI1NiJ9.${"a".repeat(40)}.${"b".repeat(40)}`
      const program = Effect.gen(function*() {
        yield* Effect.logError("failed", { key: Redacted.make("hunter2") })
        yield* Effect.logError(`Authorization: Bearer ${token}`)
        yield* Effect.logError("cannot connect", new Error("postgres://orders:hunter2@db:5432/orders refused"))
        yield* Effect.logError("crash", new Broken({ message: `token ${token}`, cause: "hunter2-free" }))
      })
      for (const format of ["json", "pretty"]) {
        const text = (yield* logged({ LOG_FORMAT: format }, program)).join("\n")
        for (const secret of [token, "hunter2@", "\"hunter2\"", "=hunter2"]) assert.notInclude(text, secret)
        assert.include(text, "postgres://orders:<password>@db:5432/orders")
      }
      assert.strictEqual(scrubbed("an order eyJ is fine"), "an order eyJ is fine")
    }))
})
