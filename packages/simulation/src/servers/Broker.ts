import type { IncomingMessage } from "@g-store/messaging/Message.ts"
import { Exit } from "effect"
import { NoAnswer, type Reply } from "../engine/Network.ts"
import { hash } from "../engine/Prng.ts"
import type { Process } from "../engine/Process.ts"
import type { World } from "../engine/World.ts"

/** What a producer sends; another system's may be a tombstone. */
export type Published = Omit<IncomingMessage, "partition" | "offset">

export interface Partition {
  readonly topic: string
  readonly partition: number
  readonly messages: Array<IncomingMessage>
}

/** What a fetch brings: messages, or news of the group. */
export type Fetched =
  | { readonly _tag: "Messages"; readonly from: Partition; readonly messages: ReadonlyArray<IncomingMessage> }
  | {
    readonly _tag: "Assigned"
    readonly generation: number
    readonly positions: ReadonlyMap<Partition, number | undefined>
  }
  | { readonly _tag: "Expelled" }

/** Where a member reads on: the next offset of each partition of which no batch is out. */
export type Wants = Map<Partition, number>

interface Fetch {
  readonly wants: Wants
  readonly most: number
  readonly reply: Reply<Fetched, NoAnswer>
}

export interface Member {
  readonly process: Process
  readonly group: Group
  readonly topics: ReadonlyArray<string>
  pending: Fetch | undefined
  /** It has asked for messages, so somebody knows that it is a member. */
  heard: boolean
}

export interface Group {
  readonly name: string
  /** Forgotten once nobody is in it. */
  readonly temporary: boolean
  /** Of all who were ever in it. */
  readonly topics: Set<string>
  generation: number
  members: ReadonlyArray<Member>
  shift: number
  /** The next offset to read, where the group has acknowledged anything. */
  readonly committed: Map<Partition, number>
  /** Who holds what, in this generation. */
  readonly holders: Map<Partition, Member>
}

/** How long a group waits for a member that says nothing. */
export const SESSION_MILLIS = 3_000

/** The broker: partitions and committed offsets are durable; members, and where they are, are not. */
export class Broker {
  readonly name = "bus"
  readonly topics = new Map<string, ReadonlyArray<Partition>>()
  readonly groups = new Map<string, Group>()
  onAppend: (message: IncomingMessage) => void = () => {}
  private readonly world: World
  private readonly partitions: number

  constructor(world: World, partitions: number) {
    this.world = world
    this.partitions = partitions
  }

  topic(name: string): ReadonlyArray<Partition> {
    let topic = this.topics.get(name)
    if (topic === undefined) {
      topic = Array.from({ length: this.partitions }, (_, partition) => ({ topic: name, partition, messages: [] }))
      this.topics.set(name, topic)
    }
    return topic
  }

  /** Only the first partition that the batch meets takes its share when `part` is set. */
  publish(messages: ReadonlyArray<Published>, part: boolean): void {
    let only: Partition | undefined
    for (const message of messages) {
      const log = this.logOf(message)
      only ??= log
      if (part && log !== only) continue
      const stored: IncomingMessage = { ...message, partition: log.partition, offset: BigInt(log.messages.length) }
      log.messages.push(stored)
      this.onAppend(stored)
    }
    for (const group of this.groups.values()) for (const member of group.members) this.serve(member)
  }

  join(name: string, topics: ReadonlyArray<string>, process: Process, temporary = false): Member {
    const group = this.group(name, temporary)
    const member: Member = { process, group, topics, pending: undefined, heard: false }
    for (const topic of topics) group.topics.add(topic)
    group.members = [...group.members, member]
    const expire = (holds: () => boolean) =>
      void this.world.after(SESSION_MILLIS, this.world.ground, () => holds() ? this.leave(member) : undefined)
    process.onDeath.add(() => expire(() => true))
    // Its answer may have been lost, or its process be dead by now.
    expire(() => !member.heard || !process.alive)
    this.rebalance(group)
    return member
  }

  leave(member: Member): void {
    const { group } = member
    if (!group.members.includes(member)) return
    group.members = group.members.filter((other) => other !== member)
    this.rebalance(group)
    this.serve(member)
    if (group.temporary && group.members.length === 0) this.groups.delete(group.name)
  }

  /** The process was not heard of for so long: its members are put out of their groups. */
  silent(process: Process, millis: number): void {
    if (millis <= SESSION_MILLIS) return
    this.world.after(SESSION_MILLIS, this.world.ground, () => {
      for (const group of this.groups.values()) {
        for (const member of group.members) if (member.process === process) this.leave(member)
      }
    })
  }

  fetch(member: Member, generation: number, fetch: Fetch): void {
    member.pending = fetch
    member.heard = true
    const { group } = member
    if (generation === group.generation) this.serve(member)
    else this.tell(member)
  }

  /** One more partition to read on from, for a fetch that is waiting already. */
  want(member: Member, generation: number, from: Partition, offset: number): void {
    if (generation !== member.group.generation) return
    member.pending?.wants.set(from, offset)
    this.serve(member)
  }

  /** False when the partition has been given out anew since: whoever asks is of yesterday. */
  acknowledge(member: Member, generation: number, log: Partition, next: number): boolean {
    const { group } = member
    if (generation !== group.generation || group.holders.get(log) !== member) return false
    group.committed.set(log, Math.max(next, group.committed.get(log) ?? 0))
    return true
  }

  rebalance(group: Group, shift = 0): void {
    group.generation++
    group.shift += shift
    group.holders.clear()
    this.world.log(`bus rebalance ${group.name} ${group.members.map((member) => member.process.id).join(",")}`)
    for (const topic of new Set(group.members.flatMap((member) => member.topics))) {
      const members = group.members.filter((member) => member.topics.includes(topic))
      for (const log of this.topic(topic)) {
        const holder = members[(log.partition + group.shift) % members.length]
        if (holder !== undefined) group.holders.set(log, holder)
      }
    }
    for (const member of group.members) this.tell(member)
  }

  /** The broker goes away: every open question fails. */
  breakConnections(): void {
    for (const group of this.groups.values()) {
      for (const member of group.members) {
        const { pending } = member
        member.pending = undefined
        pending?.reply(Exit.fail(new NoAnswer({ server: this.name })))
      }
    }
  }

  private tell(member: Member): void {
    const { group, pending } = member
    member.pending = undefined
    pending?.reply(Exit.succeed(
      group.members.includes(member)
        ? {
          _tag: "Assigned",
          generation: group.generation,
          positions: new Map(
            [...group.holders].filter(([, holder]) => holder === member).map(([log]) => [log, group.committed.get(log)])
          )
        }
        : { _tag: "Expelled" }
    ))
  }

  private serve(member: Member): void {
    const { group, pending } = member
    if (pending === undefined) return
    if (!group.members.includes(member)) return this.tell(member)
    for (const [from, offset] of pending.wants) {
      if (offset >= from.messages.length) continue
      member.pending = undefined
      const messages = from.messages.slice(offset, offset + pending.most)
      return pending.reply(Exit.succeed({ _tag: "Messages", from, messages }))
    }
  }

  private group(name: string, temporary: boolean): Group {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = {
        name,
        temporary,
        topics: new Set(),
        generation: 0,
        members: [],
        shift: 0,
        committed: new Map(),
        holders: new Map()
      }
      this.groups.set(name, group)
    }
    return group
  }

  private logOf({ key, topic }: Published): Partition {
    const logs = this.topic(topic)
    const log = logs[key === null ? 0 : hash(key) % logs.length]
    if (log === undefined) throw new Error(`${topic} has no partitions`)
    return log
  }
}
