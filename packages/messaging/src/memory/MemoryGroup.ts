import { Latch } from "effect"
import type { Subscription } from "../EventBus.ts"
import type { MemoryPartition } from "./MemoryPartition.ts"

/** A partition in the hands of one member, from one rebalance to the next that takes it away. */
export interface Assignment {
  readonly log: MemoryPartition
  /** Index of the next message to hand out; undefined until the member has asked where to begin. */
  position: number | undefined
  /** A batch is out and not acknowledged: nothing more of the partition until it is. */
  outstanding: boolean
  revoked: boolean
}

/** One subscriber: a share of its group's partitions. */
export interface Member {
  readonly subscription: Subscription
  readonly assignments: Map<MemoryPartition, Assignment>
  /** Open when there may be something to hand out or a new assignment to begin. */
  readonly wake: Latch.Latch
  /** The generation that `onAssigned` was told of. */
  toldOf: number
}

/** Members that share partitions, and how far the group is in each. */
export interface MemoryGroup {
  readonly name: string
  /** Topics whose publishers wait for this group; empty for an ephemeral one. */
  readonly durable: ReadonlyArray<string>
  readonly committed: Map<MemoryPartition, number>
  readonly members: Set<Member>
  generation: number
}

export const memoryGroup = (name: string, durable: ReadonlyArray<string>): MemoryGroup => ({
  name,
  durable,
  committed: new Map(),
  members: new Set(),
  generation: 0
})

export const memoryMember = (subscription: Subscription): Member => ({
  subscription,
  assignments: new Map(),
  wake: Latch.makeUnsafe(true),
  toldOf: 0
})

/** How many of `count` partitions the nth of `members` gets: as even as it goes, the oldest first. */
const share = (count: number, members: number, nth: number): number =>
  Math.floor(count / members) + (nth < count % members ? 1 : 0)

const revoke = (member: Member, log: MemoryPartition): void => {
  const assignment = member.assignments.get(log)
  if (assignment !== undefined) assignment.revoked = true
  member.assignments.delete(log)
}

/**
 * Shares out each topic's partitions anew. Who keeps a partition keeps its batch in flight too; who loses one has its
 * acknowledgement refused, and the new holder begins at what the group committed.
 */
export const rebalance = (group: MemoryGroup, topics: ReadonlyMap<string, ReadonlyArray<MemoryPartition>>): void => {
  group.generation++
  for (const [topic, logs] of topics) {
    const members = [...group.members].filter((member) => member.subscription.topics.includes(topic))
    const free = new Set(logs)
    members.forEach((member, nth) => {
      const kept = logs.filter((log) => member.assignments.has(log))
      const most = share(logs.length, members.length, nth)
      kept.slice(0, most).forEach((log) => free.delete(log))
      kept.slice(most).forEach((log) => revoke(member, log))
    })
    members.forEach((member, nth) => {
      const most = share(logs.length, members.length, nth)
      let held = logs.filter((log) => member.assignments.has(log)).length
      for (const log of free) {
        if (held >= most) break
        free.delete(log)
        member.assignments.set(log, { log, position: undefined, outstanding: false, revoked: false })
        held++
      }
    })
  }
  for (const member of group.members) member.wake.openUnsafe()
}

/** Takes a member out and gives its partitions to the others. */
export const leave = (
  group: MemoryGroup,
  member: Member,
  topics: ReadonlyMap<string, ReadonlyArray<MemoryPartition>>
): void => {
  group.members.delete(member)
  for (const log of member.assignments.keys()) revoke(member, log)
  rebalance(group, topics)
}
