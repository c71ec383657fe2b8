import { Effect, Schedule } from "effect"
import { metricsOf, type Sample } from "../chaos/Metrics.ts"
import type { Replica } from "../chaos/Replica.ts"

/** How often every process is read, and so how much of a killed one's counting may be missing. */
const EVERY = "1 second"
/** A frozen process takes connections and says nothing. */
const PATIENCE = "1 second"
/** One that is about to be killed is not waited for longer. */
const LAST_PATIENCE = "300 millis"

/** Counters, by what Prometheus has them called; a gauge of several lives has no sum. */
const countersIn = (samples: ReadonlyArray<Sample>) => samples.filter(({ name }) => name.endsWith("_total"))

/**
 * Counters added up over the lives of processes: a process that starts again counts from 0, so of each life the last
 * sample counts.
 */
export const tally = () => {
  const lives = new Map<string, ReadonlyArray<Sample>>()
  return {
    record: (life: string, samples: ReadonlyArray<Sample>): void => void lives.set(life, countersIn(samples)),
    /** How many lives were seen. */
    lives: () => lives.size,
    /** The values of a label that a counter was seen with. */
    values: (label: string, prefix: string): ReadonlyArray<string> => {
      const found = new Set<string>()
      for (const { labels, name } of [...lives.values()].flat()) {
        const value = labels[label]
        if (value !== undefined && name.startsWith(prefix)) found.add(value)
      }
      return [...found].toSorted()
    },
    sum: (name: string, labels: Readonly<Record<string, string>>): number =>
      [...lives.values()].flat()
        .filter((sample) =>
          sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
        )
        .reduce((total, { value }) => total + value, 0)
  }
}

/** Columns that are as wide as what stands in them; all but the first one are numbers. */
const columns = (rows: ReadonlyArray<ReadonlyArray<string | number>>): string => {
  const widths = (rows[0] ?? []).map((_, nth) => Math.max(...rows.map((row) => String(row[nth]).length)))
  return rows.map((row) =>
    row.map((cell, nth) => nth === 0 ? String(cell).padEnd(widths[nth] ?? 0) : String(cell).padStart(widths[nth] ?? 0))
      .join("  ")
  ).join("\n")
}

/** What consumers and relays counted, as two tables. */
export const reportOf = (counted: ReturnType<typeof tally>): string => {
  const consumers = counted.values("consumer", "inbox_").map((consumer) => [
    consumer,
    ...["messages_handled", "duplicates_absorbed", "retries", "acknowledgements_refused", "dead_letters"].map((name) =>
      counted.sum(`inbox_${name}_total`, { consumer })
    )
  ])
  const relays = counted.values("service", "relay_").map((service) => [
    service,
    counted.sum("relay_published_total", { service }),
    counted.sum("relay_publish_failures_total", { service, outcome: "refused" }),
    counted.sum("relay_publish_failures_total", { service, outcome: "unknown" })
  ])
  return [
    columns([
      ["consumer", "handled", "duplicates absorbed", "retries", "acknowledgements refused", "dead letters"],
      ...consumers
    ]),
    columns([["relay", "messages published", "batches refused", "batches not confirmed in time"], ...relays])
  ].join("\n")
}

/**
 * What the services count themselves, read from each process's metrics every second and once more just before a planned
 * end. What a killed process counted after it was read last is missing.
 */
export const meters = Effect.fnUntraced(function*(processes: ReadonlyArray<Replica>) {
  const counted = tally()

  const read = Effect.fnUntraced(function*(replica: Replica) {
    const { name, pid } = replica
    const before = yield* pid
    const samples = yield* metricsOf(replica)
    // Answered by one process, and it is known which.
    if (before !== undefined && (yield* pid) === before) counted.record(`${name} ${before}`, samples)
  })
  const all = Effect.forEach(processes, (replica) => Effect.ignore(Effect.timeout(read(replica), PATIENCE)), {
    concurrency: "unbounded",
    discard: true
  })
  yield* Effect.forkScoped(Effect.repeat(all, Schedule.spaced(EVERY)))

  return {
    /** Reads these once more, since they are about to be killed. */
    lastWords: (victims: ReadonlyArray<Replica>) =>
      Effect.forEach(victims, (victim) => Effect.ignore(Effect.timeout(read(victim), LAST_PATIENCE)), {
        concurrency: "unbounded",
        discard: true
      }),
    /** Reads all of them a last time and says what they counted. */
    report: Effect.map(all, () =>
      [
        `the services' own counters, summed over ${counted.lives()} lives of processes; at least so many, for what a ` +
        `killed process counted within its last moments is missing:`,
        reportOf(counted)
      ].join("\n"))
  }
})
