import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KafkaJSConnectionError } from "kafkajs"
import type { IncomingMessage } from "../src/Message.ts"
import { acknowledging, join } from "./fixtures/BusMember.ts"
import { makeJournal } from "./fixtures/Journal.ts"
import { playedBus, playedCluster, TOPIC } from "./fixtures/PlayedCluster.ts"

describe("a member that is to join anew", () => {
  it.live("does so in the end, when the broker goes away meanwhile and comes back with the former assignment", () =>
    Effect.gen(function*() {
      let joins = 0
      let written = 1
      const cluster = yield* playedCluster({
        leaders: [1],
        onAsked: ({ answer, from }) => {
          const offset = from.get(0) ?? 0
          setTimeout(answer, 10, { 0: offset < written ? [offset] : [] })
        },
        onJoin: async () => {
          if (++joins === 2) throw new KafkaJSConnectionError("Closed connection")
        }
      })
      const messages = makeJournal<IncomingMessage>()
      const { assignments } = yield* join({ topics: [TOPIC], group: "group" }, acknowledging(messages)).pipe(
        Effect.provide(playedBus(1))
      )
      yield* Effect.addFinalizer(() => Effect.sync(cluster.end))
      yield* messages.until(({ length }) => length === 1)
      cluster.rebalance()
      yield* assignments.until(({ length }) => length === 2)
      assert.strictEqual(joins, 3)
      written = 2
      yield* messages.until((all) => all.some(({ offset }) => offset === 1n))
    }).pipe(Effect.scoped))
})
