import { type Batch, BusUnavailable, EventBus, type Subscription } from "@g-store/messaging/EventBus.ts"
import type { WireMessage } from "@g-store/messaging/Message.ts"
import { Array as Arr, Effect, Exit, Stream } from "effect"
import type { Network, NoAnswer } from "../engine/Network.ts"
import type { Process } from "../engine/Process.ts"
import type { Broker, Fetched, Member, Partition, Wants } from "./Broker.ts"

/** Where one subscriber is. Volatile: it dies with the process, or is forgotten at the next assignment. */
interface Reader {
  readonly member: Member
  readonly wants: Wants
  generation: number
}

const RETRY_MILLIS = 300

/** One process's client of the broker. Positions are the client's, offsets the group's, as with Kafka. */
export const simulatedBus = (
  network: Network,
  broker: Broker,
  process: Process,
  describe: (messages: ReadonlyArray<WireMessage>) => string
): EventBus["Service"] => {
  const { world } = network
  /** Nobody waits for an answer; it is said again until it arrives, as long as the process lives. */
  const oneWay = (run: () => void): void => {
    world.after(network.latency(process.name, 0, 5), world.ground, () => {
      const arrives = !network.isCut(process.name, broker.name) && !network.isDown(broker.name)
      if (arrives) run()
      else world.after(RETRY_MILLIS, process, () => oneWay(run))
    })
  }

  const acknowledge = (reader: Reader, name: string, from: Partition, first: number, next: number) => {
    const { generation, member } = reader
    let acknowledged = false
    const again = () => {
      if (reader.generation !== generation) return
      reader.wants.set(from, acknowledged ? next : first)
      oneWay(() => broker.want(member, generation, from, acknowledged ? next : first))
    }
    const request = network.request<boolean, never>(process, {
      server: broker.name,
      label: `ack ${name} ${from.topic}/${from.partition}`,
      apply: (reply) => reply(Exit.succeed(broker.acknowledge(member, generation, from, next)))
    })
    return Effect.suspend(() => {
      if (acknowledged) return Effect.void
      if (reader.generation !== generation) return refused(from)
      return request.pipe(
        Effect.mapError((cause) => new BusUnavailable({ operation: "acknowledge", cause })),
        // Without an answer nobody knows: the messages are read again, and the inbox will know them.
        Effect.tapError(() => Effect.sync(again)),
        Effect.flatMap((taken) => {
          if (!taken) return refused(from)
          acknowledged = true
          again()
          return Effect.void
        })
      )
    })
  }

  const begin = Effect.fnUntraced(function*(
    reader: Reader,
    { onAssigned, startAt }: Subscription,
    { generation, positions }: Extract<Fetched, { readonly _tag: "Assigned" }>
  ) {
    reader.generation = generation
    reader.wants.clear()
    const wants: Wants = new Map()
    for (const [log, committed] of positions) {
      const stored = startAt === undefined ? undefined : yield* startAt(log.topic, log.partition)
      const known = stored === undefined ? committed : Number(stored)
      wants.set(log, known !== undefined && known <= log.messages.length ? known : 0)
    }
    for (const [log, offset] of wants) reader.wants.set(log, offset)
    if (onAssigned !== undefined) yield* onAssigned
  })

  const next = Effect.fnUntraced(function*(reader: Reader, name: string, subscription: Subscription) {
    const { member, wants } = reader
    while (true) {
      const { generation } = reader
      const fetched = yield* Effect.result(
        network.request<Fetched, NoAnswer>(process, {
          server: broker.name,
          label: `fetch ${name}`,
          apply: (reply) =>
            broker.fetch(member, generation, { wants: new Map(wants), most: subscription.maxBatch ?? 500, reply })
        })
      )
      if (fetched._tag === "Failure") {
        yield* Effect.sleep(RETRY_MILLIS)
        continue
      }
      const news = fetched.success
      if (news._tag === "Assigned") {
        yield* begin(reader, subscription, news)
        continue
      }
      if (news._tag === "Expelled") {
        return yield* new BusUnavailable({ operation: "fetch", cause: new Error(`put out of ${name}`) })
      }
      const { from, messages } = news
      // An answer to a question of before may come late, with what was handed out meanwhile.
      const first = wants.get(from)
      if (!Arr.isReadonlyArrayNonEmpty(messages) || first !== Number(messages[0].offset)) continue
      wants.delete(from)
      const batch: Batch = {
        topic: from.topic,
        partition: from.partition,
        messages,
        acknowledge: acknowledge(reader, name, from, first, first + messages.length)
      }
      return batch
    }
  })

  return EventBus.of({
    publish: (messages) =>
      network.request<void, never>(process, {
        server: broker.name,
        label: `publish ${describe(messages)}`,
        repeatable: true,
        apply: (reply, part) => {
          broker.publish(messages, part)
          reply(Exit.void)
        }
      }).pipe(Effect.mapError((cause) => new BusUnavailable({ operation: "publish", cause }))),
    subscribe: (subscription) =>
      Stream.unwrap(Effect.gen(function*() {
        const name = subscription.group.replace("g-store.", "").replace("-service", "")
        const member = yield* Effect.acquireRelease(
          network.request<Member, never>(process, {
            server: broker.name,
            label: `join ${name}`,
            apply: (reply) =>
              reply(Exit.succeed(broker.join(subscription.group, subscription.topics, process, subscription.temporary)))
          }).pipe(Effect.mapError((cause) => new BusUnavailable({ operation: "join", cause }))),
          (joined) => Effect.sync(() => oneWay(() => broker.leave(joined)))
        )
        const reader: Reader = { member, wants: new Map(), generation: -1 }
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            reader.generation = -1
          })
        )
        return Stream.fromEffectRepeat(next(reader, name, subscription))
      }))
  })
}

const refused = ({ partition, topic }: Partition) =>
  Effect.fail(
    new BusUnavailable({ operation: "acknowledge", cause: new Error(`${topic}/${partition} was given out anew`) })
  )
