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
  let isUnderWay = false
  let isOver = false

  const request = (): void => {
    const callers = waiting
    waiting = []
    const [first] = callers
    // The next assignment must not store what belongs to this one.
    if (isOver || first === undefined) return callers.forEach(({ reject }) => reject(new Error("assigned anew")))
    first.send({ topics: byTopic(callers) }).then(
      () => callers.forEach(({ resolve }) => resolve()),
      (error: unknown) => callers.forEach(({ reject }) => reject(error))
    ).finally(() => {
      isUnderWay = false
      begin()
    })
  }
  const begin = (): void => {
    if (isUnderWay || waiting.length === 0) return
    isUnderWay = true
    queueMicrotask(request)
  }

  return {
    /** Done when it is stored. `send` is kafkajs' own, of any batch of the assignment. */
    store: (position: Position, send: Caller["send"]): Promise<void> =>
      new Promise((resolve, reject) => {
        waiting = [...waiting, { position, send, resolve, reject }]
        begin()
      }),
    /** The assignment is over: nothing is sent any more. */
    end: (): void => {
      isOver = true
    }
  }
}
