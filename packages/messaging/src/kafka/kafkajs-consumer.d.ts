// Inner modules of kafkajs 2.2.4, as far as memberships.ts and batches.ts need them.

declare module "kafkajs/src/consumer/consumerGroup.js" {
  /** What a broker answers of one partition. */
  export interface FetchedBatch {
    readonly topic: string
    readonly partition: number
    /** That was asked for. */
    readonly fetchedOffset: string
  }

  /** The positions of one assignment. */
  export interface OffsetManager {
    /** Where the partition, which must be of the assignment, is read next. */
    nextOffset(topic: string, partition: number): { toString(): string }
  }

  /** One life of a consumer, from a start to a crash. */
  export default class ConsumerGroup {
    /** Null before it has joined and after it has left. */
    memberId: string | null
    /** A consumer has one of its own, for all of its lives. `lastLife` is ours. */
    readonly cluster: { lastLife?: ConsumerGroup }
    /** Of the present assignment; null before the first one. */
    readonly offsetManager: OffsetManager | null
    joinAndSync(): Promise<void>
    /** Joins anew, and then answers nothing, where the broker says that another one is to be asked. */
    fetch(nodeId: number): Promise<ReadonlyArray<FetchedBatch>>
  }
}

declare module "kafkajs/src/consumer/runner.js" {
  import type ConsumerGroup from "kafkajs/src/consumer/consumerGroup.js"
  import type { FetchedBatch } from "kafkajs/src/consumer/consumerGroup.js"

  /** What is done with the answers, in one life of a consumer. */
  export default class Runner {
    readonly consumerGroup: ConsumerGroup
    /** Until it is told to stop. */
    readonly running: boolean
    /** Asks a broker once. */
    fetch(nodeId: number): Promise<ReadonlyArray<FetchedBatch>>
    handleBatch(batch: FetchedBatch): Promise<void>
    heartbeat(): Promise<void>
  }
}
