import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import ConsumerGroup from "kafkajs/src/consumer/consumerGroup.js"
import { kafkaClient } from "../src/kafka/KafkaClient.ts"

interface Cluster {
  lastLife?: ConsumerGroup
}

/** A start of a consumer, as kafkajs makes one, whose group lets it in as whoever it says it is. */
const life = async (cluster: Cluster): Promise<ConsumerGroup> => {
  const made: ConsumerGroup = Object.assign(Object.create(ConsumerGroup.prototype), {
    cluster,
    memberId: null,
    retrier: () => Promise.resolve()
  })
  await made.joinAndSync()
  return made
}

describe("the membership of a consumer", () => {
  // It connects when it is first used, which is never.
  beforeAll(() => Effect.runPromise(kafkaClient({ brokers: ["127.0.0.1:1"] }, { requestTimeout: 1_000, retries: 0 })))

  it("outlasts a crash of the client, so that the group does not wait for a member that is gone", async () => {
    const cluster: Cluster = {}
    const first = await life(cluster)
    assert.isNull(first.memberId)
    first.memberId = "member-1"
    const second = await life(cluster)
    assert.strictEqual(second.memberId, "member-1")
    // A rebalance changes nothing.
    await second.joinAndSync()
    assert.strictEqual((await life(cluster)).memberId, "member-1")
  })

  it("is a new one when the group knows the member no more", async () => {
    const cluster: Cluster = {}
    const first = await life(cluster)
    first.memberId = "member-1"
    const second = await life(cluster)
    second.memberId = null
    await second.joinAndSync()
    assert.isNull(second.memberId)
  })

  it("is a new one after it has left", async () => {
    const cluster: Cluster = {}
    const first = await life(cluster)
    first.memberId = "member-1"
    first.memberId = null
    assert.isNull((await life(cluster)).memberId)
  })

  it("is nobody else's", async () => {
    const first = await life({})
    first.memberId = "member-1"
    assert.isNull((await life({})).memberId)
  })
})
