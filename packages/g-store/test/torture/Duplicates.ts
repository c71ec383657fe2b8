import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { MESSAGE_ID } from "@g-store/messaging/Message.ts"
import { Duration, Effect, FiberSet, Hash, Schedule } from "effect"
import type { EachMessagePayload } from "kafkajs"
import { NotKept } from "../chaos/NotKept.ts"
import type { Publisher } from "./Publisher.ts"

/** A late copy comes up to so many milliseconds after the first. */
const LATEST = 30_000
/** Who is answered nothing for so long begins to read anew. */
const SILENCE = "30 seconds"

/**
 * Reads both topics as they grow and publishes a share of the messages again, byte for byte, to the same partition: half
 * of the copies at once, the others late. Which ones follows from the seed and the message's id.
 */
export const duplicates = Effect.fnUntraced(function*({ client, publish }: Publisher, percent: number, seed: string) {
  const copied = new Set<string>()
  const run = yield* FiberSet.makeRuntime<never>()
  const waiting = new Set<string>()
  let forced = 0

  const copy = async ({ message, partition, topic }: EachMessagePayload) => {
    const id = String(message.headers?.[MESSAGE_ID] ?? "")
    const draw = Math.abs(Hash.string(`${seed} ${id}`)) % 200
    if (id === "" || copied.has(id) || draw >= percent * 2) return
    copied.add(id)
    waiting.add(id)
    const { headers = {}, key, timestamp, value } = message
    const late = draw % 2 === 0 ? 0 : (draw * 7919) % LATEST
    run(
      publish(topic, { key, value, headers, timestamp, partition }).pipe(
        Effect.delay(Duration.millis(late)),
        Effect.tap(() =>
          Effect.sync(() => {
            waiting.delete(id)
            forced++
          })
        )
      )
    )
  }

  /** Reads until the client gives up by itself, or is answered nothing for too long. */
  const reading = Effect.gen(function*() {
    const consumer = yield* Effect.acquireRelease(
      Effect.sync(() => client.consumer({ groupId: "g-store-torture.duplicates", sessionTimeout: 10_000 })),
      (made) => Effect.ignore(Effect.timeout(Effect.promise(() => made.disconnect()), "5 seconds"))
    )
    let fetched = false
    consumer.on(consumer.events.FETCH, () => {
      fetched = true
    })
    const crash = Effect.callback<never, NotKept>((resume) => {
      const stop = consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) resume(Effect.fail(new NotKept({ reason: payload.error.message })))
      })
      return Effect.sync(stop)
    })
    const silence = Effect.suspend(() => {
      const isSilent = !fetched
      fetched = false
      return isSilent ? Effect.fail(new NotKept({ reason: "nothing was fetched" })) : Effect.void
    }).pipe(Effect.delay(SILENCE), Effect.forever)
    yield* Effect.tryPromise(async () => {
      await consumer.connect()
      await consumer.subscribe({ topics: [ORDER_EVENTS, PAYMENT_EVENTS], fromBeginning: true })
      await consumer.run({ eachMessage: copy })
    })
    return yield* Effect.raceFirst(crash, silence)
  })

  // Faults are all around: it has to outlive them as the services do.
  if (percent > 0) {
    yield* Effect.forkScoped(Effect.retry(Effect.scoped(reading), { schedule: Schedule.spaced("1 second") }))
  }
  return {
    /** How many copies were published. */
    forced: () => forced,
    /** Done when every copy that was drawn so far is published. */
    settled: Effect.suspend(() => Effect.sleep("200 millis")).pipe(Effect.repeat({ until: () => waiting.size === 0 }))
  }
})
