import ConsumerGroup, { type FetchedBatch, type OffsetManager } from "kafkajs/src/consumer/consumerGroup.js"
import Runner from "kafkajs/src/consumer/runner.js"

const { fetch } = ConsumerGroup.prototype
const { handleBatch } = Runner.prototype

/** In which assignment a batch was asked for: kafkajs makes an offset manager for each, and none outlives its own. */
const askedIn = new WeakMap<FetchedBatch, OffsetManager | null>()

const fetchNoted = async function(this: ConsumerGroup, nodeId: number): Promise<ReadonlyArray<FetchedBatch>> {
  // The one from before anything was awaited: the positions that were asked for are its own, or of one that came later.
  const { offsetManager } = this
  const batches = await fetch.call(this, nodeId)
  for (const batch of batches) askedIn.set(batch, offsetManager)
  return batches
}

const handleNext = function(this: Runner, batch: FetchedBatch): Promise<void> {
  const { offsetManager } = this.consumerGroup
  const isNext = offsetManager !== null && askedIn.get(batch) === offsetManager &&
    String(offsetManager.nextOffset(batch.topic, batch.partition)) === batch.fetchedOffset
  // As kafkajs does with an empty one. The partition is asked for again where it stands.
  return isNext ? handleBatch.call(this, batch) : this.heartbeat()
}

/**
 * kafkajs 2.2.4 asks its brokers side by side, goes on asking while it joins its group anew, and takes every answer for
 * one to its present assignment. An answer that was asked for in a former one begins where that one was reading: reading
 * would go on behind it, and its acknowledgement would skip for the whole group what was read there and not acknowledged.
 *
 * With this a batch counts only if it was asked for in the present assignment, and at the very offset at which its
 * partition is to be read next. A broker answers with all that there is from the offset on, so what an assignment reads
 * has no hole, from the position with which it began. The first offset in the batch says nothing of the kind: of a topic
 * with transactions it may be any later one.
 *
 * It is looked at when the batch is handled, not when the answer comes: it may wait for a worker in between. kafkajs then
 * moves its position before it awaits anything, for batches too that nobody is shown (of control records alone), so no
 * assignment begins between the look and the move. Harmless to repeat.
 */
export const keepBatchesContiguous = (): void => {
  ConsumerGroup.prototype.fetch = fetchNoted
  Runner.prototype.handleBatch = handleNext
}
