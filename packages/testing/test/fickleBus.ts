import { type Batch, BusUnavailable, type EventBus } from "@g-store/messaging/EventBus.ts"
import type { WireMessage } from "@g-store/messaging/Message.ts"
import { Effect, Queue, Random, Stream } from "effect"

const refused = Effect.fail(new BusUnavailable({ operation: "acknowledge", cause: new Error("by the test's will") }))

/**
 * A bus at its worst, as far as it keeps its promises: three messages of ten are published twice, at once or long after;
 * every fifth acknowledgement fails, with the batch coming again or (the answer only was lost) not.
 */
export const makeFickleBus = Effect.gen(function*() {
  // Taken here, from the seeded surroundings: relays and consumers run in others.
  const random = yield* Random.Random
  const chance = (of: number) => random.nextDoubleUnsafe() < of
  const late: Array<WireMessage> = []
  const counts = { doubled: 0, refused: 0 }

  const open = (inner: EventBus["Service"]) => ({
    publish: (messages: ReadonlyArray<WireMessage>) =>
      Effect.suspend(() => {
        const again = messages.filter(() => chance(0.3))
        counts.doubled += again.length
        const now = again.filter(() => chance(0.5))
        late.push(...again.filter((message) => !now.includes(message)))
        const old = chance(0.3) ? late.splice(0, 3) : []
        return inner.publish([...messages, ...now, ...old])
      }),
    subscribe: (subscription: Parameters<typeof inner.subscribe>[0]) =>
      Stream.unwrap(Effect.gen(function*() {
        const redelivered = yield* Queue.unbounded<Batch>()
        const fickle = (batch: Batch): Batch => ({
          ...batch,
          acknowledge: Effect.suspend(() => {
            if (!chance(0.2)) return batch.acknowledge
            counts.refused++
            if (chance(0.5)) return Effect.andThen(batch.acknowledge, refused)
            return Effect.andThen(Queue.offer(redelivered, fickle(batch)), refused)
          })
        })
        return Stream.merge(Stream.map(inner.subscribe(subscription), fickle), Stream.fromQueue(redelivered))
      }))
  })
  return { open, counts, late }
})
