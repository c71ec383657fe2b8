// An inner module of kafkajs 2.2.4, as far as memberships.ts needs it.

declare module "kafkajs/src/consumer/consumerGroup.js" {
  /** One life of a consumer, from a start to a crash. */
  export default class ConsumerGroup {
    /** Null before it has joined and after it has left. */
    memberId: string | null
    /** A consumer has one of its own, for all of its lives. `lastLife` is ours. */
    readonly cluster: { lastLife?: ConsumerGroup }
    joinAndSync(): Promise<void>
  }
}
