import type { WireMessage } from "../Message.ts"
import { MESSAGE_ID } from "../Message.ts"

interface Waiter {
  /** The index behind the last message waited for. */
  readonly end: number
  readonly acknowledged: () => void
}

/**
 * One partition's log. Indexes count from 0 at build; the bus turns them into offsets. Messages that every durable group
 * has acknowledged are dropped but for the newest `tail`, which stay for ephemeral groups.
 */
export interface MemoryPartition {
  readonly topic: string
  readonly partition: number
  /** Index of the first message still there. */
  readonly first: () => number
  /** Index behind the last message. */
  readonly end: () => number
  readonly slice: (from: number, most: number) => ReadonlyArray<WireMessage>
  /**
   * Appends the message, unless it is there because of a publisher that gave up waiting: then it is that one that is
   * published, and perhaps acknowledged by now. Answers its index.
   */
  readonly append: (message: WireMessage) => number
  /** Calls back once every durable group has acknowledged up to `end`. Answers how to stop waiting. */
  readonly whenAcknowledged: (end: number, acknowledged: () => void) => () => void
  /** The messages stay, but nobody waits for them any longer: who publishes them again finds them. */
  readonly abandon: (indexes: ReadonlyArray<number>) => void
  /** A durable group has moved: everything before `acknowledged` is done with by all of them. */
  readonly advance: (acknowledged: number) => void
}

export const memoryPartition = (topic: string, partition: number, tail: number): MemoryPartition => {
  const messages: Array<WireMessage> = []
  /** By message id: where those lie that nobody waits for any longer. */
  const abandoned = new Map<string, number>()
  let first = 0
  let done = 0
  let waiters: Array<Waiter> = []

  const end = () => first + messages.length
  const drop = (): void => {
    const excess = Math.min(done, end() - tail) - first
    // By the hundred, since shifting an array costs its length.
    if (excess < 256) return
    messages.splice(0, excess)
    first += excess
    for (const [id, index] of abandoned) if (index < first) abandoned.delete(id)
  }

  return {
    topic,
    partition,
    first: () => first,
    end,
    slice: (from, most) => messages.slice(from - first, from - first + most),
    append: (message) => {
      const id = message.headers[MESSAGE_ID]
      const known = id === undefined ? undefined : abandoned.get(id)
      if (id !== undefined && known !== undefined) {
        abandoned.delete(id)
        return known
      }
      messages.push(message)
      drop()
      return end() - 1
    },
    whenAcknowledged: (upTo, acknowledged) => {
      if (upTo <= done) {
        acknowledged()
        return () => {}
      }
      const waiter: Waiter = { end: upTo, acknowledged }
      waiters.push(waiter)
      return () => {
        waiters = waiters.filter((other) => other !== waiter)
      }
    },
    abandon: (indexes) => {
      for (const index of indexes) {
        const id = messages[index - first]?.headers[MESSAGE_ID]
        if (id !== undefined) abandoned.set(id, index)
      }
    },
    advance: (acknowledged) => {
      if (acknowledged <= done) return
      done = acknowledged
      const ready = waiters.filter((waiter) => waiter.end <= done)
      waiters = waiters.filter((waiter) => waiter.end > done)
      drop()
      for (const waiter of ready) waiter.acknowledged()
    }
  }
}
