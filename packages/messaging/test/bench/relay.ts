// How fast an outbox drains onto Kafka: `node packages/messaging/test/bench/relay.ts [rounds] [messages]`.
import { ownKafka } from "@g-store/local-kafka/LocalKafka.ts"
import { ownServer } from "@g-store/postgres/TestPostgres.ts"
import { Console, Effect } from "effect"
import { loadavg } from "node:os"
import { publishing } from "./publishing.ts"
import { relaying } from "./relaying.ts"

const [rounds = 7, messages = 20_000] = process.argv.slice(2).map(Number)

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
const rate = (perSecond: number): string => String(Math.round(perSecond)).padStart(7)

/**
 * Messages a second of the whole relay (PostgreSQL, leases, Kafka) and of batches that are published to the same broker
 * from memory, one after the other. They take turns, so that what else the machine does meets both; the ratio counts.
 */
const main = Effect.gen(function*() {
  const kafka = yield* ownKafka
  const postgres = yield* ownServer
  const bare = yield* publishing(kafka.brokers, messages)
  const relay = yield* relaying(kafka.brokers, postgres.url, messages)
  yield* Console.log(`${messages} messages a round; load ${loadavg().map((load) => load.toFixed(1)).join(" ")}`)
  // The first ones compile, connect and create.
  yield* Effect.all([bare, relay], { discard: true })
  const ratios: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const published = yield* bare
    const drained = yield* relay
    ratios.push(drained / published)
    yield* Console.log(`relay ${rate(drained)}/s, bare ${rate(published)}/s, ratio ${(drained / published).toFixed(2)}`)
  }
  yield* Console.log(`median of the ratios ${median(ratios).toFixed(2)}`)
}).pipe(Effect.scoped)

void Effect.runPromise(main)
