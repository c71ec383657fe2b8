import { Array as Arr, Clock, Effect, Layer, Stream } from "effect"
import { type Batch, BusUnavailable, EventBus, type Subscription } from "../EventBus.ts"
import type { IncomingMessage, WireMessage } from "../Message.ts"
import { shardOf, SHARDS } from "../Outbox.ts"
import {
  type Assignment,
  leave,
  type Member,
  type MemoryGroup,
  memoryGroup,
  memoryMember,
  rebalance
} from "./MemoryGroup.ts"
import { type MemoryPartition, memoryPartition } from "./MemoryPartition.ts"

export interface EventBusMemoryOptions {
  /**
   * The durable groups. `publish` returns only when each of them has acknowledged what it published to their topics,
   * also one that has not subscribed yet or does no more: until then the outbox keeps the message, and losing this
   * process, log and all, loses nothing. Every other group is ephemeral: never waited for, and it misses what it has
   * not read when more than `tail` newer messages lie behind it.
   */
  readonly groups: ReadonlyArray<{ readonly group: string; readonly topics: ReadonlyArray<string> }>
  /** Partitions of each topic, up to 16; 6 if absent. */
  readonly partitions?: number | undefined
  /** How many messages of a partition stay for ephemeral groups; 1000 if absent. */
  readonly tail?: number | undefined
}

const make = ({ groups, partitions = 6, tail = 1_000 }: EventBusMemoryOptions) =>
  Effect.gen(function*() {
    // Consumers may keep their positions in a database, which outlives this log. A log that began at 0 each time would
    // come to positions that are "already done" there. This one begins behind every earlier one, unless those took in
    // more than 4096 messages a millisecond.
    const base = BigInt(yield* Clock.currentTimeMillis) * 4096n
    const topics = new Map<string, ReadonlyArray<MemoryPartition>>()
    const byName = new Map(groups.map((group) => [group.group, memoryGroup(group.group, group.topics)]))
    let unkeyed = 0

    const ofTopic = (topic: string): ReadonlyArray<MemoryPartition> => {
      let logs = topics.get(topic)
      if (logs === undefined) {
        logs = Arr.makeBy(Math.min(partitions, SHARDS), (partition) => memoryPartition(topic, partition, tail))
        topics.set(topic, logs)
        settle(logs)
      }
      return logs
    }
    const groupOf = (name: string): MemoryGroup => {
      let group = byName.get(name)
      if (group === undefined) byName.set(name, group = memoryGroup(name, []))
      return group
    }
    /** What every durable group of the topic has acknowledged is done with; without any, all of it. */
    const settle = (logs: ReadonlyArray<MemoryPartition>): void => {
      for (const log of logs) {
        let done = Infinity
        for (const group of byName.values()) {
          if (group.durable.includes(log.topic)) done = Math.min(done, group.committed.get(log) ?? 0)
        }
        log.advance(done)
      }
    }
    const commit = (group: MemoryGroup, log: MemoryPartition, next: number): void => {
      if (next <= (group.committed.get(log) ?? 0)) return
      group.committed.set(log, next)
      settle([log])
    }
    // A partition is made of whole shards, so one that is stuck holds up the relay of its own shards only.
    const logOf = (message: WireMessage): MemoryPartition => {
      const logs = ofTopic(message.topic)
      return logs[(message.key === null ? unkeyed++ : shardOf(message.key)) % logs.length]!
    }

    const publish = (messages: ReadonlyArray<WireMessage>) =>
      Effect.callback<void>((resume) => {
        const written = new Map<MemoryPartition, Array<number>>()
        for (const message of messages) {
          const log = logOf(message)
          const index = log.append(message)
          const indexes = written.get(log)
          if (indexes === undefined) written.set(log, [index])
          else indexes.push(index)
        }
        let waiting = written.size
        const one = () => {
          if (--waiting === 0) resume(Effect.void)
        }
        const stops = Array.from(written, ([log, indexes]) => log.whenAcknowledged(Math.max(...indexes) + 1, one))
        if (messages.length === 0) resume(Effect.void)
        for (const group of byName.values()) for (const member of group.members) member.wake.openUnsafe()
        return Effect.sync(() => {
          for (const stop of stops) stop()
          for (const [log, indexes] of written) log.abandon(indexes)
        })
      })

    /** Finds where the member's new partitions begin, then tells it of its assignment. */
    const begin = Effect.fnUntraced(function*(group: MemoryGroup, member: Member) {
      const { onAssigned, startAt } = member.subscription
      for (const assignment of member.assignments.values()) {
        if (assignment.position !== undefined) continue
        const { log } = assignment
        const stored = startAt === undefined ? undefined : yield* startAt(log.topic, log.partition)
        const index = stored === undefined ? group.committed.get(log) ?? 0 : Number(stored - base)
        const inRange = index >= log.first() && index <= log.end()
        assignment.position = inRange ? index : log.first()
        // The consumer vouches for all before its stored position: no later acknowledgement may ever say so.
        if (inRange && !assignment.revoked) commit(group, log, index)
      }
      if (member.toldOf === group.generation) return
      member.toldOf = group.generation
      if (onAssigned !== undefined) yield* onAssigned
    })

    const batchOf = (group: MemoryGroup, member: Member, assignment: Assignment, from: number): Batch | undefined => {
      const { log } = assignment
      const messages = log.slice(from, member.subscription.maxBatch ?? 500).map((message, nth): IncomingMessage => ({
        ...message,
        partition: log.partition,
        offset: base + BigInt(from + nth)
      }))
      if (!Arr.isReadonlyArrayNonEmpty(messages)) return undefined
      const next = from + messages.length
      assignment.position = next
      assignment.outstanding = true
      let acknowledged = false
      const acknowledge = Effect.suspend(() => {
        if (acknowledged) return Effect.void
        if (assignment.revoked) return refused(group, log)
        acknowledged = true
        assignment.outstanding = false
        commit(group, log, next)
        member.wake.openUnsafe()
        return Effect.void
      })
      return { topic: log.topic, partition: log.partition, messages, acknowledge }
    }

    const next = Effect.fnUntraced(function*(group: MemoryGroup, member: Member) {
      while (true) {
        // Closed before looking: whatever changes meanwhile opens it again.
        member.wake.closeUnsafe()
        yield* begin(group, member)
        for (const [log, assignment] of member.assignments) {
          if (assignment.outstanding || assignment.position === undefined) continue
          const from = Math.max(assignment.position, log.first())
          if (from > assignment.position) yield* missed(group, log, from - assignment.position)
          const batch = batchOf(group, member, assignment, from)
          if (batch === undefined) continue
          // To the back of the row: a busy partition must not starve the others.
          member.assignments.delete(log)
          member.assignments.set(log, assignment)
          return batch
        }
        yield* member.wake.await
      }
    })

    const subscribe = (subscription: Subscription): Stream.Stream<Batch, BusUnavailable> =>
      Stream.unwrap(Effect.gen(function*() {
        const group = groupOf(subscription.group)
        const member = memoryMember(subscription)
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            for (const topic of subscription.topics) ofTopic(topic)
            group.members.add(member)
            rebalance(group, topics)
          }),
          () =>
            Effect.sync(() => {
              leave(group, member, topics)
              const isOver = group.members.size === 0 && group.durable.length === 0
              if (subscription.temporary === true && isOver) byName.delete(group.name)
            })
        )
        return Stream.fromEffectRepeat(next(group, member))
      }))

    return EventBus.of({ publish, subscribe })
  })

const refused = (group: MemoryGroup, log: MemoryPartition) =>
  Effect.fail(
    new BusUnavailable({
      operation: "acknowledge",
      cause: new Error(
        `${log.topic}/${log.partition} was given to another member of ${group.name} by generation ${group.generation}`
      )
    })
  )

const missed = (group: MemoryGroup, log: MemoryPartition, count: number) =>
  Effect.logWarning(`${group.name} is too slow: ${count} messages of ${log.topic}/${log.partition} are gone`).pipe(
    Effect.annotateLogs({ module: "messaging.bus" })
  )

/** The bus inside one process. */
export const EventBusMemory = {
  layer: (options: EventBusMemoryOptions): Layer.Layer<EventBus> => Layer.effect(EventBus, make(options))
}
