import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { Effect, Result } from "effect"
import type { KafkaMessage } from "kafkajs"
import { toolKafka } from "./toolKafka.ts"

/** Everything that lies in a topic, in the order in which each partition has it. */
const readBack = (brokers: ReadonlyArray<string>, topic: string) =>
  Effect.promise(async () => {
    const kafka = toolKafka(brokers)
    const admin = kafka.admin()
    await admin.connect()
    const ends = new Map<number, number>()
    for (const { high, low, partition } of await admin.fetchTopicOffsets(topic)) {
      if (Number(high) > Number(low)) ends.set(partition, Number(high))
    }
    await admin.disconnect()
    const read: Array<KafkaMessage> = []
    if (ends.size === 0) return read
    const consumer = kafka.consumer({ groupId: `g-store-chaos.${topic}` })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await new Promise<void>((resolve) => {
      const eachMessage = async ({ message, partition }: { message: KafkaMessage; partition: number }) => {
        read.push(message)
        if (Number(message.offset) + 1 >= (ends.get(partition) ?? 0)) ends.delete(partition)
        if (ends.size === 0) resolve()
      }
      void consumer.run({ eachMessage })
    })
    await consumer.disconnect()
    return read
  })

const header = ({ headers }: KafkaMessage, name: string): string => String(headers?.[name] ?? "")

export interface TopicsRead {
  /** Messages in both topics. */
  readonly messages: number
  readonly orders: number
  /** Messages that came again after their first time: delivery is at least once, the inboxes drop them. */
  readonly repeated: number
  /** Of those the ones that a relay published again: they have the first one's id, and a time of their own. */
  readonly republished: number
  /** Messages that are not the store's. */
  readonly foreign: number
  /** What must not be: an order's version ahead of its turn, two different decisions, or something unreadable. */
  readonly faults: ReadonlyArray<string>
}

/** The first copies of an order's events come in the order of their versions, from 1 and without a gap. */
const orderFaults = (
  messages: ReadonlyArray<KafkaMessage>,
  faults: Array<string>
): { orders: number; repeated: number } => {
  const last = new Map<string, number>()
  let repeated = 0
  for (const message of messages) {
    const key = String(message.key)
    const event = decodeEvent(header(message, "event_type"), message.value)
    if (Result.isFailure(event) || event.success === undefined || !("version" in event.success)) {
      faults.push(`${key}: unreadable at offset ${message.offset}`)
      continue
    }
    const { version = 0 } = event.success
    const next = (last.get(key) ?? 0) + 1
    if (version === next) last.set(key, version)
    else if (version < next) repeated++
    else faults.push(`${key}: version ${version} came when ${next} was next`)
  }
  return { orders: last.size, repeated }
}

/** Every decision about a payment is one message, however often it was sent. */
const paymentFaults = (messages: ReadonlyArray<KafkaMessage>, faults: Array<string>): number => {
  const decided = new Map<string, string>()
  let repeated = 0
  for (const message of messages) {
    const key = String(message.key)
    const id = header(message, "message_id")
    const first = decided.get(key)
    if (first === undefined) decided.set(key, id)
    else if (first === id) repeated++
    else faults.push(`${key}: two decisions, ${first} and ${id}`)
  }
  return repeated
}

/** A relay makes a message anew when it publishes it again; a copy that somebody took has the time of its original. */
const countRepublished = (messages: ReadonlyArray<KafkaMessage>): number => {
  const times = new Map<string, Set<string>>()
  let count = 0
  for (const message of messages) {
    const id = header(message, "message_id")
    const known = times.get(id)
    if (known === undefined) times.set(id, new Set([message.timestamp]))
    else if (!known.has(message.timestamp)) {
      known.add(message.timestamp)
      count++
    }
  }
  return count
}

/** Reads both topics back from the broker and judges them, but for the messages with ids that are not the store's. */
export const readTopics = Effect.fnUntraced(function*(
  brokers: ReadonlyArray<string>,
  foreign: ReadonlySet<string> = new Set()
) {
  const isOurs = (message: KafkaMessage) => !foreign.has(header(message, "message_id"))
  const allOfOrders = yield* readBack(brokers, ORDER_EVENTS)
  const allOfPayments = yield* readBack(brokers, PAYMENT_EVENTS)
  const ofOrders = allOfOrders.filter(isOurs)
  const ofPayments = allOfPayments.filter(isOurs)
  const faults: Array<string> = []
  const { orders, repeated } = orderFaults(ofOrders, faults)
  const repeatedPayments = paymentFaults(ofPayments, faults)
  return {
    messages: ofOrders.length + ofPayments.length,
    orders,
    repeated: repeated + repeatedPayments,
    republished: countRepublished(ofOrders) + countRepublished(ofPayments),
    foreign: allOfOrders.length + allOfPayments.length - ofOrders.length - ofPayments.length,
    faults
  } satisfies TopicsRead
}, Effect.timeout("3 minutes"))
