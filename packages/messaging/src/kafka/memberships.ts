import ConsumerGroup from "kafkajs/src/consumer/consumerGroup.js"

const { joinAndSync } = ConsumerGroup.prototype

const joinAsBefore = function(this: ConsumerGroup): Promise<void> {
  const { cluster } = this
  // Null when it has left, or the group knows it no more; then it is a new member.
  this.memberId = cluster.lastLife?.memberId ?? null
  cluster.lastLife = this
  return joinAndSync.call(this)
}

/**
 * A consumer of kafkajs 2.2.4 that starts again after a crash (as when it knows no broker any more) joins its group as a
 * new member. The group still counts on the old one, and gives nobody a partition until its session is over: ten seconds
 * in which the whole group stands still. With this it joins as who it was; a group that knows it no more says so, and
 * kafkajs then joins anew. Harmless to repeat.
 */
export const keepMemberships = (): void => {
  ConsumerGroup.prototype.joinAndSync = joinAsBefore
}
