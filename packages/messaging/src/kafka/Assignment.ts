import { Deferred, Effect, Latch, Schedule } from "effect"
import type { EachBatchPayload, KafkaMessage } from "kafkajs"
import { type Batch, BusUnavailable } from "../EventBus.ts"
import type { IncomingMessage } from "../Message.ts"
import { makeCommits } from "./Commits.ts"
import { incoming, sizeOf } from "./incoming.ts"
import { attempt, errorType } from "./KafkaClient.ts"

/** What is read ahead of a partition's handler: reading stops above the first mark and goes on below the second. */
const FULL_BYTES = 1_048_576
const LOW_BYTES = 262_144

/** Longer than kafkajs gives a request. An answer that it owes even then nobody else shall wait for. */
const LOST = "12 seconds"
const lost = new BusUnavailable({ operation: "acknowledge", cause: new Error(`no answer in ${LOST}`) })

/** The group gave the partition to a member anew since the batch was handed out. */
const refusals = ["ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS", "FENCED_INSTANCE_ID"]

/** A partition that this member holds, from one assignment of the group to the next. */
export interface Held {
  readonly topic: string
  readonly partition: number
  readonly generation: number
  /** Read, and not yet given to the handler. */
  waiting: Array<KafkaMessage>
  bytes: number
  /** A batch is with the handler, or the partition is in line to be given one. */
  busy: boolean
  full: boolean
  commit: EachBatchPayload["commitOffsetsIfNecessary"]
}

export interface AssignmentOptions {
  readonly maxBatch: number
  /** The partition has messages, and nobody is handling any. */
  readonly ready: (held: Held) => void
  readonly pause: (topic: string, partition: number) => void
  readonly resume: (topic: string, partition: number) => void
  /** The offset of a partition that is still ours cannot be stored: it would stand still, so the member must begin anew. */
  readonly stuck: (error: BusUnavailable) => Effect.Effect<void>
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`
const nothingHeld: Held["commit"] = () => Promise.reject(new Error("no batch of this partition was read"))

/**
 * The partitions of one member, and the rule that a batch counts in the assignment alone in which it was handed out.
 * kafkajs does not know that rule: after a rebalance it would store an old handler's offset under the new generation,
 * though the partition may be somebody else's by now. What is read is contiguous (keepBatchesContiguous), so an offset
 * that is stored is behind nothing but what this assignment has handed out and was told of as handled.
 *
 * kafkajs hands every batch over and reads on without waiting for its handler (Pace), so heartbeats never wait for one and
 * a partition whose handler is slow holds up no other.
 */
export const makeAssignment = (options: AssignmentOptions) => {
  let generation = 0
  /** Done when the present generation is over. */
  let over = Deferred.makeUnsafe<void>()
  let commits = makeCommits()
  let held = new Map<string, Held>()
  /** Open while nothing that was read waits for its handler to come to an end. */
  const free = Latch.makeUnsafe(true)
  let busy = 0
  const begin = (): void => {
    generation++
    commits.end()
    commits = makeCommits()
    busy = 0
    free.openUnsafe()
    Deferred.doneUnsafe(over, Effect.void)
    over = Deferred.makeUnsafe()
  }
  /** kafkajs keeps what is paused over a rebalance. */
  const paused = new Set<string>()

  const pause = (topic: string, partition: number): void => {
    paused.add(keyOf(topic, partition))
    options.pause(topic, partition)
  }
  const resume = (topic: string, partition: number): void => {
    if (paused.delete(keyOf(topic, partition))) options.resume(topic, partition)
  }
  const offer = (own: Held): void => {
    if (own.busy || own.waiting.length === 0) return
    own.busy = true
    busy++
    free.closeUnsafe()
    options.ready(own)
  }

  const stale = (own: Held): BusUnavailable =>
    new BusUnavailable({
      operation: "acknowledge",
      cause: new Error(`${own.topic}/${own.partition} was assigned anew since this batch was read`)
    })

  const acknowledge = (own: Held, offset: string, bytes: number): Batch["acknowledge"] => {
    let done = false
    let tried = false
    const position = { topic: own.topic, partition: own.partition, offset }
    /** Again by itself: it may be another partition that cannot be stored. */
    const store = (): Promise<void> => {
      if (!tried) {
        tried = true
        return commits.store(position, own.commit)
      }
      return own.commit({ topics: [{ topic: own.topic, partitions: [{ partition: own.partition, offset }] }] })
    }
    const giveUp = Effect.suspend(() => {
      commits.giveUp(position)
      return Effect.fail(lost)
    })
    return Effect.suspend(() => {
      if (done) return Effect.void
      if (own.generation !== generation) return Effect.fail(stale(own))
      // kafkajs looks up the generation in the moment in which it is asked, which is now, or while this one's commits are
      // not over. Nobody waits for the answer of a broker that is away once the partition is no longer ours.
      return Effect.raceFirst(
        attempt("acknowledge", store).pipe(Effect.timeoutOrElse({ duration: LOST, orElse: () => giveUp })),
        Effect.andThen(Deferred.await(over), Effect.fail(stale(own)))
      )
    }).pipe(
      Effect.retry({
        schedule: Schedule.spaced("500 millis"),
        times: 20,
        while: (error) => own.generation === generation && !refusals.includes(errorType(error))
      }),
      Effect.tapError((error) =>
        own.generation === generation && !refusals.includes(errorType(error)) ? options.stuck(error) : Effect.void
      ),
      Effect.tap(() =>
        Effect.sync(() => {
          if (done || own.generation !== generation) return
          done = true
          own.busy = false
          busy--
          own.bytes -= bytes
          if (own.full && own.bytes < LOW_BYTES) {
            own.full = false
            resume(own.topic, own.partition)
          }
          offer(own)
          if (busy === 0) free.openUnsafe()
        })
      )
    )
  }

  return {
    /** kafkajs has read messages. They are taken in, or, where they belong to no present assignment, left unread. */
    read: ({ batch, commitOffsetsIfNecessary, resolveOffset }: EachBatchPayload): void => {
      const own = held.get(keyOf(batch.topic, batch.partition))
      const last = batch.messages.at(-1)
      if (own === undefined || last === undefined) return
      for (const message of batch.messages) {
        own.waiting.push(message)
        own.bytes += sizeOf(message)
      }
      own.commit = commitOffsetsIfNecessary
      resolveOffset(last.offset)
      if (!own.full && own.bytes > FULL_BYTES) {
        own.full = true
        pause(own.topic, own.partition)
      }
      offer(own)
    },

    /** The member asks to join: whatever it held may be given to others. */
    leave: (): void => {
      begin()
      held = new Map()
    },

    /** The group has given partitions to the member. With `hold` they are read only once `resume` was called for them. */
    join: (assigned: Readonly<Record<string, ReadonlyArray<number>>>, hold: boolean): ReadonlyArray<Held> => {
      begin()
      held = new Map()
      for (const [topic, partitions] of Object.entries(assigned)) {
        for (const partition of partitions) {
          held.set(keyOf(topic, partition), {
            topic,
            partition,
            generation,
            waiting: [],
            bytes: 0,
            busy: false,
            full: false,
            commit: nothingHeld
          })
          if (hold) pause(topic, partition)
          else resume(topic, partition)
        }
      }
      return Array.from(held.values())
    },

    /** Lets go a partition that was held, unless it has been assigned anew. */
    resume: (own: Held): void => {
      if (own.generation === generation) resume(own.topic, own.partition)
    },

    /** Waits until everything that was read is handled. */
    free: free.await,

    isCurrent: (own: Held): boolean => own.generation === generation,

    /** The next batch of a partition that was ready; undefined when it has been assigned anew meanwhile. */
    take: (own: Held): Batch | undefined => {
      if (own.generation !== generation) return undefined
      const taken = own.waiting.splice(0, options.maxBatch)
      const [first, ...rest] = taken.map((message): IncomingMessage => incoming(own.topic, own.partition, message))
      if (first === undefined) return undefined
      const bytes = taken.reduce((sum, message) => sum + sizeOf(message), 0)
      const last = rest.at(-1) ?? first
      return {
        topic: own.topic,
        partition: own.partition,
        messages: [first, ...rest],
        acknowledge: acknowledge(own, String(last.offset + 1n), bytes)
      }
    }
  }
}
