import { Console, Effect } from "effect"
import { loadavg } from "node:os"
import { demoFigures } from "../kills/DemoFigures.ts"
import type { Child } from "../kills/StoreProcess.ts"
import type { Cluster } from "./Cluster.ts"
import { NotKept } from "./NotKept.ts"
import { readTopics } from "./Topics.ts"

/** Lines of a summary: what was counted, and how much. */
export type Figures = ReadonlyArray<readonly [string, string | number]>

const table = (figures: Figures): string => {
  const width = Math.max(...figures.map(([name]) => name.length))
  return figures.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n")
}

/**
 * Waits for the load to end, audits the databases against its journal and reads the topics back; prints the summary.
 * Fails with the first promise that was not kept. `foreign` are the ids of messages that somebody else published.
 */
export const judge = Effect.fnUntraced(function*(
  store: Cluster,
  demo: Child,
  figures: Figures,
  foreign?: ReadonlySet<string>
) {
  const demoCode = yield* demo.ended
  yield* Console.log(demoFigures(yield* demo.output).join("\n"))
  const audit = yield* store.audit
  const auditCode = yield* audit.ended
  yield* Console.log(yield* audit.output)
  const topics = yield* readTopics(store.kafka.brokers, foreign)
  yield* Console.log(table([
    ...figures,
    ["demo exit", demoCode ?? "killed"],
    ["audit exit", auditCode ?? "killed"],
    ["messages read back from the topics", topics.messages + topics.foreign],
    ["orders in the topics", topics.orders],
    ["messages that are first copies", topics.messages - topics.repeated],
    ["messages republished by relays", topics.republished],
    ...(foreign === undefined ? [] : [
      ["messages copied by somebody else", topics.repeated - topics.republished],
      ["messages by somebody else", topics.foreign]
    ] satisfies Figures),
    ["messages out of order", topics.faults.length],
    ["load average", loadavg().map((load) => load.toFixed(1)).join(" ")]
  ]))
  if (demoCode !== 0) return yield* new NotKept({ reason: `the demo ended with ${demoCode}:\n${yield* demo.output}` })
  if (auditCode !== 0) return yield* new NotKept({ reason: `the audit ended with ${auditCode}` })
  if (topics.faults.length > 0) return yield* new NotKept({ reason: topics.faults.slice(0, 10).join("\n") })
})
