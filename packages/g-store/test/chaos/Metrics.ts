import { Effect } from "effect"
import { NotKept } from "./NotKept.ts"
import type { Replica } from "./Replica.ts"

/** One line of a process's metrics. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What a page of metrics says, in Prometheus' text format. */
export const samplesIn = (page: string): ReadonlyArray<Sample> =>
  page.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) return []
    const pairs = Array.from(
      labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g),
      ([, label = "", text = ""]) => [label, text]
    )
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }]
  })

/** What a replica says of itself now. A frozen one takes the connection and says nothing: give it a limit. */
export const metricsOf = ({ admin, name }: Replica): Effect.Effect<ReadonlyArray<Sample>, NotKept> =>
  Effect.tryPromise({
    try: (signal) => fetch(`http://127.0.0.1:${admin}/metrics`, { signal }).then((answer) => answer.text()),
    catch: (cause) => new NotKept({ reason: `the metrics of ${name}: ${String(cause)}` })
  }).pipe(Effect.map(samplesIn))
