import { Effect, Metric } from "effect"
import type { OutboxStore } from "../OutboxStore.ts"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const published = counter("relay_published_total", "Messages that the bus has taken and the outbox no longer holds")
const failures = counter(
  "relay_publish_failures_total",
  "Publishes of a batch that failed (outcome=refused) or were not confirmed in time (outcome=unknown: may repeat)"
)
const leases = counter("relay_lease_changes_total", "Shards gained (change=gained) and lost (change=lost)")
const held = Metric.gauge("relay_shards", { description: "Shards of the outbox that this process relays" })
const depth = Metric.gauge("outbox_depth", { description: "Messages waiting in the outbox" })
const age = Metric.gauge("outbox_oldest_age_seconds", { description: "Age of the oldest message in the outbox" })

/** What a relay counts. One process may run several: `service` tells them apart. */
export const relayMetrics = (service: string | undefined) => {
  const own = <I, S>(metric: Metric.Metric<I, S>, attributes: Record<string, string> = {}) =>
    Metric.withAttributes(metric, service === undefined ? attributes : { service, ...attributes })
  const refused = own(failures, { outcome: "refused" })
  const unknown = own(failures, { outcome: "unknown" })
  const gained = own(leases, { change: "gained" })
  const lost = own(leases, { change: "lost" })
  const shards = own(held)
  return {
    published: (topic: string, count: number) => Metric.update(own(published, { topic }), count),
    refused: Metric.update(refused, 1),
    unknown: Metric.update(unknown, 1),
    gained: (count: number) => Metric.update(gained, count),
    lost: (count: number) => Metric.update(lost, count),
    shards: (count: number) => Metric.update(shards, count),
    waiting: (topic: string, count: number) => Metric.update(own(depth, { topic }), count),
    oldest: (topic: string, seconds: number) => Metric.update(own(age, { topic }), seconds)
  }
}

export type RelayMetrics = ReturnType<typeof relayMetrics>

/** Sets the gauges of depth and age once. A topic that has drained shows 0, not its last value. */
export const measure = (store: OutboxStore["Service"], metrics: RelayMetrics, known: Set<string>) =>
  Effect.flatMap(store.status, (topics) => {
    const waiting = new Map(topics.map((status) => [status.topic, status]))
    for (const topic of waiting.keys()) known.add(topic)
    return Effect.forEach(known, (topic) => {
      const status = waiting.get(topic) ?? { depth: 0, oldestMillis: 0 }
      return Effect.andThen(metrics.waiting(topic, status.depth), metrics.oldest(topic, status.oldestMillis / 1_000))
    }, { discard: true })
  })
