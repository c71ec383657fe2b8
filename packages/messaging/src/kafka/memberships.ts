import ConsumerGroup from "kafkajs/src/consumer/consumerGroup.js"
import type { FetchedBatch } from "kafkajs/src/consumer/consumerGroup.js"
import Runner from "kafkajs/src/consumer/runner.js"

const { joinAndSync } = ConsumerGroup.prototype
const { fetch } = Runner.prototype

/** Whose last attempt to join came to nothing. */
const outside = new WeakSet<ConsumerGroup>()

const joinAsBefore = async function(this: ConsumerGroup): Promise<void> {
  const { cluster } = this
  // Null when it has left, or the group knows it no more; then it is a new member.
  this.memberId = cluster.lastLife?.memberId ?? null
  cluster.lastLife = this
  try {
    await joinAndSync.call(this)
    outside.delete(this)
  } catch (error) {
    outside.add(this)
    throw error
  }
}

const fetchAsMember = function(this: Runner, nodeId: number): Promise<ReadonlyArray<FetchedBatch>> {
  return this.running && outside.has(this.consumerGroup)
    ? Promise.reject(Object.assign(new Error("not a member again yet"), { type: "REBALANCE_IN_PROGRESS" }))
    : fetch.call(this, nodeId)
}

/**
 * Two things about how a consumer of kafkajs 2.2.4 joins its group. Harmless to repeat.
 *
 * One that starts again after a crash (as when it knows no broker any more) joins as a new member. The group still counts
 * on the old one, and gives nobody a partition until its session is over: ten seconds in which the whole group stands
 * still. With this it joins as who it was; a group that knows it no more says so, and kafkajs then joins anew.
 *
 * One that is to join anew and loses its broker over it goes back to fetching. A broker that comes back with the former
 * assignment takes its heartbeats, so it would never join, and whatever it reads belongs to an assignment that is over for
 * us: nobody reads these partitions any more. With this it hears before the next fetch that it has to join.
 */
export const keepMemberships = (): void => {
  ConsumerGroup.prototype.joinAndSync = joinAsBefore
  Runner.prototype.fetch = fetchAsMember
}
