import * as PgClient from "@effect/sql-pg/PgClient"
import { Amount } from "@g-store/contracts/Amount.ts"
import { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { PAYMENT_EVENTS } from "@g-store/contracts/PaymentEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { EVENT_TYPE, MESSAGE_ID } from "@g-store/messaging/Message.ts"
import { DateTime, Effect, Redacted, Schedule, Semaphore } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Cluster } from "../chaos/Cluster.ts"
import { NotKept } from "../chaos/NotKept.ts"
import type { Publisher } from "./Publisher.ts"
import type { CorruptKind } from "./Schedule.ts"

/** Bytes that are no protobuf: a field that ends before it began. */
const garbage = Buffer.from([0x0a, 0xff, 0x01])

interface Corrupt {
  readonly topic: string
  readonly eventType: string | undefined
  readonly value: Buffer
  /** In which databases it has to end as a dead letter; nowhere when the rule is to skip it. */
  readonly letters: ReadonlyArray<"orders" | "payments" | "notifications">
}

const readers = ["payments", "notifications"] as const

const make = (kind: CorruptKind, key: string, userId: string, now: DateTime.Utc): Corrupt => {
  switch (kind) {
    case "garbage":
      return { topic: ORDER_EVENTS, eventType: "OrderCreated", value: garbage, letters: readers }
    case "without a type":
      return { topic: ORDER_EVENTS, eventType: undefined, value: garbage, letters: readers }
    case "unknown type":
      return { topic: ORDER_EVENTS, eventType: "OrderAdmired", value: garbage, letters: [] }
    case "without a status":
      // Money does not ask for later statuses, so payment-service passes it by.
      return {
        topic: ORDER_EVENTS,
        eventType: "OrderStatusChanged",
        value: Buffer.alloc(0),
        letters: ["notifications"]
      }
    case "garbage for a known order":
      return { topic: ORDER_EVENTS, eventType: "OrderCancelled", value: garbage, letters: readers }
    case "unknown order": {
      const { payload } = encodeEvent({
        _tag: "PaymentProcessed",
        orderId: OrderId.make(key),
        userId: UserId.make(userId),
        amount: Amount.make(7),
        status: "SUCCESS",
        occurredAt: now
      })
      return { topic: PAYMENT_EVENTS, eventType: "PaymentProcessed", value: Buffer.from(payload), letters: ["orders"] }
    }
    case "garbage payment for a known order":
      return { topic: PAYMENT_EVENTS, eventType: "PaymentProcessed", value: garbage, letters: ["orders"] }
  }
}

/** How long a corrupt message may take to be set aside, through whatever else goes wrong. */
const ASIDE = "3 minutes"

/**
 * Publishes corrupt messages, sees each set aside where it has to be, and discards exactly those with the operator's
 * command.
 */
export const corruption = Effect.fnUntraced(function*(store: Cluster, { publish }: Publisher) {
  // Past the proxies, and a pool, for the server goes and comes.
  const pool = (name: string) => PgClient.make({ url: Redacted.make(store.direct(name)), maxConnections: 1 })
  const clients = {
    orders: yield* pool("orders"),
    payments: yield* pool("payments"),
    notifications: yield* pool("notifications")
  }
  const ids = new Set<string>()
  const oneAtATime = yield* Semaphore.make(1)
  let discarded = 0
  let skipped = 0
  const random = yield* SecureRandom.SecureRandom

  const knownOrder = clients.orders<{ id: string }>`SELECT id FROM orders ORDER BY created_at DESC LIMIT 1`.pipe(
    Effect.map(([row]) => row?.id),
    Effect.eventually
  )
  const letterOf = (database: keyof typeof clients, id: string) =>
    clients[database]<{ id: string }>`SELECT id FROM dead_letter WHERE message_id = ${id}`.pipe(
      Effect.eventually,
      Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced("250 millis") }),
      Effect.map(([row]) => row?.id ?? "")
    )
  const discard = (letter: string) =>
    Effect.gen(function*() {
      const command = yield* store.gstore("dead-letters", "discard", letter, "--reason", "published by the torture run")
      const code = yield* command.ended
      if (code !== 0) return yield* new NotKept({ reason: yield* command.output })
      discarded++
    }).pipe(
      Effect.scoped,
      Effect.timeoutOrElse({
        duration: "1 minute",
        orElse: () => Effect.fail(new NotKept({ reason: `discarding the letter ${letter} took longer than a minute` }))
      }),
      // The command says that the database is away: it is asked again, as an operator would.
      Effect.retry({ schedule: Schedule.spaced("1 second"), times: 20 }),
      oneAtATime.withPermits(1)
    )

  return {
    /** The ids of everything that was published here. */
    ids,
    discarded: () => discarded,
    skipped: () => skipped,
    publish: Effect.fnUntraced(function*(kind: CorruptKind) {
      const id = yield* random.uuidV4()
      const strange = yield* random.uuidV4()
      const key = kind.endsWith("for a known order") ? (yield* knownOrder) ?? strange : strange
      const { eventType, letters, topic, value } = make(kind, key, yield* random.uuidV4(), yield* DateTime.now)
      ids.add(id)
      yield* publish(topic, {
        key,
        value,
        headers: { [MESSAGE_ID]: id, ...(eventType === undefined ? {} : { [EVENT_TYPE]: eventType }) }
      })
      if (letters.length === 0) skipped++
      const found = yield* Effect.forEach(letters, (database) => letterOf(database, id)).pipe(
        Effect.timeoutOrElse({
          duration: ASIDE,
          orElse: () =>
            Effect.fail(new NotKept({ reason: `the message ${id}, "${kind}", was not set aside within ${ASIDE}` }))
        })
      )
      yield* Effect.forEach(found, discard, { discard: true })
    })
  }
})
