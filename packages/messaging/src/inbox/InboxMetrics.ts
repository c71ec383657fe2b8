import { Effect, Metric } from "effect"

// All carry the attribute `consumer`.
const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const handled = counter("inbox_messages_handled_total", "Messages handled, replayed ones included")
const duplicates = counter("inbox_duplicates_absorbed_total", "Messages that had been taken before")
const skipped = counter("inbox_messages_skipped_total", "Messages of event types that the consumer has no use for")
const parked = counter("inbox_messages_parked_total", "Messages put behind a dead letter of their key")
const deadLetters = counter("inbox_dead_letters_total", "Messages set aside")
const retries = counter("inbox_retries_total", "Failed transactions, by kind: transient, permanent or named")
const refusedAcknowledgements = counter("inbox_acknowledgements_refused_total", "Batches that will come again")
const openLetters = Metric.gauge("inbox_dead_letters_open", { description: "Dead letters nobody has settled" })
const parkedKeys = Metric.gauge("inbox_parked_keys", { description: "Keys whose messages wait behind a dead letter" })
const waiting = Metric.gauge("inbox_messages_waiting", { description: "Messages that wait behind dead letters" })
const lag = Metric.gauge("inbox_lag_seconds", { description: "Age of the newest message handled last" })
const batchSize = Metric.histogram("inbox_batch_size", {
  description: "Messages in a batch",
  boundaries: Metric.boundariesFromIterable([1, 2, 5, 10, 25, 50, 100, 250, 500])
})
const latency = Metric.histogram("inbox_transaction_seconds", {
  description: "Time of a transaction, from the marks to the commit",
  boundaries: Metric.boundariesFromIterable([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5])
})

/** The metrics of one consumer. */
export const inboxMetrics = (consumer: string) => {
  const own = <I, S>(metric: Metric.Metric<I, S>) => Metric.withAttributes(metric, { consumer })
  const add = (metric: Metric.Counter<number>) => {
    const mine = own(metric)
    return (by: number) => by === 0 ? Effect.void : Metric.update(mine, by)
  }
  return {
    handled: add(handled),
    duplicates: add(duplicates),
    skipped: add(skipped),
    parked: add(parked),
    deadLetters: add(deadLetters),
    retry: (kind: "transient" | "permanent" | "named") =>
      Metric.update(Metric.withAttributes(own(retries), { kind }), 1),
    refusedAcknowledgement: add(refusedAcknowledgements)(1),
    standing: (count: { readonly letters: number; readonly parkedKeys: number; readonly waiting: number }) =>
      Effect.all([
        Metric.update(own(openLetters), count.letters),
        Metric.update(own(parkedKeys), count.parkedKeys),
        Metric.update(own(waiting), count.waiting)
      ], { discard: true }),
    lag: (seconds: number) => Metric.update(own(lag), seconds),
    batchSize: (messages: number) => Metric.update(own(batchSize), messages),
    latency: (seconds: number) => Metric.update(own(latency), seconds)
  }
}

export type InboxMetrics = ReturnType<typeof inboxMetrics>
