import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Metric, References } from "effect"
import { TestClock } from "effect/testing"
import { memoryTables } from "../src/memory/MemoryTables.ts"
import { MessagingHealth } from "../src/MessagingHealth.ts"
import { shardOf, SHARDS } from "../src/Outbox.ts"
import { outgoing } from "./fixtures/outboxStoreContract.ts"
import { append, down, eventually, id, recordingBus, waiting, withRelay } from "./fixtures/relay.ts"

describe("what a relay says", () => {
  it.effect("says what is wrong while the bus is, and takes it back", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      bus.publish = () => down
      yield* withRelay(
        { tables, bus, service: "orders" },
        Effect.gen(function*() {
          const health = yield* MessagingHealth
          yield* append(outgoing(1, "a"), outgoing(2, "b"))
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(yield* health.reasons, ["orders, outbox relay: cannot publish: no broker"])
          bus.publish = (messages) => Effect.sync(() => void bus.log.push(...messages))
          yield* eventually(() => waiting(tables) === 0)
          assert.deepStrictEqual(yield* health.reasons, [])
        })
      )
    }))

  it.effect("counts by service and topic, and measures what waits", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      const values = Effect.map(Metric.snapshot, (metrics) =>
        new Map(metrics.flatMap(({ attributes, id: name, state }) => {
          const { change, outcome, service, topic } = { ...attributes }
          const value = "count" in state && !("buckets" in state)
            ? state.count
            : "value" in state
            ? state.value
            : undefined
          return service === "orders"
            ? [[[name, topic ?? outcome ?? change ?? ""].join(" ").trim(), Number(value)]]
            : []
        })))
      yield* withRelay(
        { tables, bus, service: "orders", leases: "exclusive" },
        Effect.gen(function*() {
          let refused = 0
          bus.publish = () => {
            refused++
            return down
          }
          yield* append(outgoing(1, "a"), outgoing(2, "a"), outgoing(3, "a", { topic: "payment.events" }))
          yield* eventually(() =>
            refused === 2
          )
          bus.publish = () => Effect.never
          yield* TestClock.adjust("20 seconds")
          const blocked = yield* values
          assert.strictEqual(blocked.get("relay_publish_failures_total refused"), 2)
          assert.isTrue((blocked.get("relay_publish_failures_total unknown") ?? 0) >= 1)
          assert.strictEqual(blocked.get("outbox_depth order.events"), 2)
          assert.strictEqual(blocked.get("outbox_depth payment.events"), 1)
          assert.strictEqual(blocked.get("outbox_oldest_age_seconds order.events"), 15)
          assert.strictEqual(blocked.get("relay_shards"), SHARDS)
          assert.strictEqual(blocked.get("relay_lease_changes_total gained"), SHARDS)
          bus.publish = (messages) => Effect.sync(() => void bus.log.push(...messages))
          yield* eventually(() => waiting(tables) === 0)
          yield* TestClock.adjust("20 seconds")
          const flowing = yield* values
          assert.strictEqual(flowing.get("relay_published_total order.events"), 2)
          assert.strictEqual(flowing.get("relay_published_total payment.events"), 1)
          assert.strictEqual(flowing.get("outbox_depth order.events"), 0)
          assert.strictEqual(flowing.get("outbox_oldest_age_seconds order.events"), 0)
        })
      )
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("names each message that it publishes, at debug, and the way that led to it", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const lines: Array<unknown> = []
      const logger = Logger.make((options) => {
        if (options.logLevel === "Debug") lines.push(options.fiber.getRef(References.CurrentLogAnnotations))
      })
      const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
      yield* withRelay(
        { tables, bus: recordingBus(), service: "orders" },
        Effect.gen(function*() {
          yield* append(outgoing(1, "a", { traceparent }))
          yield* eventually(() => waiting(tables) === 0, 200)
        })
      ).pipe(
        Effect.provideService(Logger.CurrentLoggers, new Set([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.deepStrictEqual(lines, [{
        module: "messaging.relay",
        service: "orders",
        messageId: id(1),
        key: "a",
        eventType: "OrderCreated",
        topic: "order.events",
        shard: shardOf("a"),
        position: 1n,
        traceId: "a".repeat(32)
      }])
    }))

  it.effect("begins anew when a bug of its own ends a publish, rather than leave the shard standing", () =>
    Effect.gen(function*() {
      const tables = memoryTables()
      const bus = recordingBus()
      bus.publish = () => down
      let broken = true
      const faulty = Layer.effect(
        MessagingHealth,
        Effect.map(MessagingHealth, (health) => ({
          ...health,
          report: (component, reason) =>
            broken ? Effect.die(new Error("a bug of ours")) : health.report(component, reason)
        }))
      ).pipe(Layer.provide(MessagingHealth.layer))
      yield* withRelay(
        { tables, bus, health: faulty },
        Effect.gen(function*() {
          yield* append(outgoing(1, "a"))
          yield* TestClock.adjust("2 seconds")
          broken = false
          bus.publish = (messages) => Effect.sync(() => void bus.log.push(...messages))
          yield* eventually(() => waiting(tables) === 0)
        })
      )
    }))
})
