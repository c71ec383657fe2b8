import type { EachBatchPayload, TopicOffsets } from "kafkajs"

/** Behind what a partition has come to its end. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

interface Caller {
  readonly position: Position
  readonly send: EachBatchPayload["commitOffsetsIfNecessary"]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const byTopic = (callers: ReadonlyArray<Caller>): Array<TopicOffsets> =>
  Array.from(Map.groupBy(callers, ({ position }) => position.topic), ([topic, ofTopic]) => ({
    topic,
    partitions: Array.from(
      new Map(ofTopic.map(({ position }) => [position.partition, position.offset])),
      ([partition, offset]) => ({ partition, offset })
    )
  }))

/**
 * Stores the positions of one assignment, one request at a time: those that come in one turn, or while a request is under
 * way, go together. One that fails fails all of its callers.
 */
export const makeCommits = () => {
  let waiting: ReadonlyArray<Caller> = []
  /** Whose request is under way, or about to be. */
  let underWay: ReadonlyArray<Caller> | undefined
  let isOver = false

  const request = (): void => {
    const callers = waiting
    waiting = []
    const [first] = callers
    // The next assignment must not store what belongs to this one.
    if (isOver || first === undefined) return callers.forEach(({ reject }) => reject(new Error("assigned anew")))
    underWay = callers
    first.send({ topics: byTopic(callers) }).then(
      () => callers.forEach(({ resolve }) => resolve()),
      (error: unknown) => callers.forEach(({ reject }) => reject(error))
    ).finally(() => end(callers))
  }
  const begin = (): void => {
    if (underWay !== undefined || waiting.length === 0) return
    underWay = waiting
    queueMicrotask(request)
  }
  const end = (callers: ReadonlyArray<Caller>): void => {
    if (underWay !== callers) return
    underWay = undefined
    begin()
  }

  return {
    /** Done when it is stored. `send` is kafkajs' own, of any batch of the assignment. */
    store: (position: Position, send: Caller["send"]): Promise<void> =>
      new Promise((resolve, reject) => {
        waiting = [...waiting, { position, send, resolve, reject }]
        begin()
      }),
    /** Its answer is not waited for any more: others may ask. */
    giveUp: (position: Position): void => {
      if (underWay?.some((caller) => caller.position === position) === true) end(underWay)
    },
    /** The assignment is over: nothing is sent any more. */
    end: (): void => {
      isOver = true
    }
  }
}
