import { type Batch, EventBus } from "@g-store/messaging/EventBus.ts"
import { InboxStore } from "@g-store/messaging/InboxStore.ts"
import { DeadLettersMemory } from "@g-store/messaging/memory/DeadLettersMemory.ts"
import { IdempotencyMemory } from "@g-store/messaging/memory/IdempotencyMemory.ts"
import { InboxMemory } from "@g-store/messaging/memory/InboxMemory.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { OutboxMemory } from "@g-store/messaging/memory/OutboxMemory.ts"
import { PurgeMemory } from "@g-store/messaging/memory/PurgeMemory.ts"
import { TransactionsMemory } from "@g-store/messaging/memory/TransactionsMemory.ts"
import { toWire } from "@g-store/messaging/Message.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { type OutboxRow, OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { OrderStoreMemory } from "@g-store/order-service/OrderStoreMemory.ts"
import { AccountRepositoryMemory } from "@g-store/payment-service/adapters/AccountRepositoryMemory.ts"
import { PaymentRepositoryMemory } from "@g-store/payment-service/adapters/PaymentRepositoryMemory.ts"
import { PaymentStoreMemory } from "@g-store/payment-service/PaymentStoreMemory.ts"
import { Array as Arr, Effect, Layer, Schedule, Stream } from "effect"

const over = <S, A, E, R>(self: Layer.Layer<A, E, R>, faulty: Layer.Layer<S, never, A | R>) =>
  Layer.provideMerge(faulty, self)

/** The offset moves before the transaction commits. */
export const ackFirst = Layer.effect(
  EventBus,
  Effect.map(EventBus, (bus) =>
    EventBus.of({
      ...bus,
      subscribe: (subscription) =>
        Stream.mapEffect(bus.subscribe(subscription), (batch) =>
          Effect.as(Effect.ignore(batch.acknowledge), { ...batch, acknowledge: Effect.void }))
    }))
)

/** A publish that failed is tried again beside the next one. */
export const retryBeside = Layer.effect(
  EventBus,
  Effect.map(EventBus, (bus) =>
    EventBus.of({
      ...bus,
      publish: (messages) =>
        bus.publish(messages).pipe(
          Effect.catch(() =>
            bus.publish(messages).pipe(Effect.retry(Schedule.spaced("200 millis")), Effect.orDie, Effect.forkDetach)
          ),
          Effect.asVoid
        )
    }))
)

const changeBatches = (change: (messages: Batch["messages"]) => Batch["messages"]) =>
  Layer.effect(
    EventBus,
    Effect.map(EventBus, (bus) =>
      EventBus.of({
        ...bus,
        subscribe: (subscription) =>
          Stream.map(bus.subscribe(subscription), (batch) => ({ ...batch, messages: change(batch.messages) }))
      }))
  )

/** What comes together comes the wrong way round. */
export const reverseBatches = changeBatches(Arr.reverse)

/** Of several messages of one key that come together only the first is read. */
export const oneOfAKey = changeBatches((messages) => Arr.dedupeWith(messages, (a, b) => a.key === b.key))

/** Rows leave the outbox when they are read, before they are published. */
const removeFirst = Layer.effect(
  OutboxStore,
  Effect.map(OutboxStore, (store) => {
    const epochs = new Map<number, bigint>()
    return OutboxStore.of({
      ...store,
      claim: (claim) =>
        Effect.tap(store.claim(claim), (leases) =>
          Effect.sync(() => {
            for (const { epoch, shard } of leases) epochs.set(shard, epoch)
          })),
      exchange: (asked) =>
        Effect.tap(store.exchange(asked), (rows) =>
          rows.length === 0 ? Effect.void : store.exchange({
            removals: rows.map(({ position, shard }) => ({
              shard,
              epoch: epochs.get(shard) ?? 0n,
              positions: [position]
            })),
            shards: [],
            limit: 0
          }))
    })
  })
)

/** Any relay may publish from any shard. */
const leaseAll = Layer.effect(
  OutboxStore,
  Effect.gen(function*() {
    const store = yield* OutboxStore
    const database = yield* MemoryDatabase
    return OutboxStore.of({
      ...store,
      claim: () =>
        database.statement(
          "relay claim",
          [],
          () => Array.from({ length: 16 }, (_, shard) => ({ shard, epoch: 1n, remaining: 5_000 }))
        ),
      exchange: ({ limit, removals, shards }) =>
        database.statement("relay exchange", [], (rows) => {
          for (const { positions, shard } of removals) {
            for (const position of positions) rows.remove(`outbox/${shard}`, String(position))
          }
          return shards.flatMap((shard) => rows.scan<OutboxRow>(`outbox/${shard}`, undefined, limit))
        })
    })
  })
)

/** A row that one relay is at is passed over by the others, and so are rows whose publish has failed a moment ago. */
const skipLocked = Layer.effect(
  OutboxStore,
  Effect.gen(function*() {
    const store = yield* OutboxStore
    const database = yield* MemoryDatabase
    return OutboxStore.of({
      ...store,
      exchange: ({ limit, removals, shards }) =>
        Effect.andThen(
          store.exchange({ removals, shards: [], limit }),
          database.statement(
            "relay exchange",
            [],
            (rows) =>
              shards.flatMap((shard) => rows.scan<OutboxRow>(`outbox/${shard}`, undefined, limit)).filter(
                ({ position }) => {
                  const taken = rows.get<{ readonly until: number }>("taken", String(position))
                  if (taken !== undefined && taken.until > rows.now) return false
                  rows.put("taken", String(position), { until: rows.now + 2_000 })
                  return true
                }
              )
          )
        )
    })
  })
)

/** Every message counts as new. */
const takeAll = Layer.effect(
  InboxStore,
  Effect.map(InboxStore, (store) =>
    InboxStore.of({
      ...store,
      take: (consumer, ids, keys) =>
        Effect.map(store.take(consumer, ids, keys), (taken) => ({ ...taken, fresh: new Set(ids) }))
    }))
)

/** Messages go out while their transaction is still open. */
const publishAtOnce = Layer.effect(
  Outbox,
  Effect.gen(function*() {
    const outbox = yield* Outbox
    const bus = yield* EventBus
    return Outbox.of({
      ...outbox,
      append: (messages) => Effect.andThen(Effect.orDie(bus.publish(messages.map(toWire))), outbox.append(messages))
    })
  })
)

export const ordersRemovingFirst = over(OrderStoreMemory, removeFirst)
export const paymentsRemovingFirst = over(PaymentStoreMemory, removeFirst)
export const ordersSkippingLocked = over(OrderStoreMemory, skipLocked)
export const ordersWithoutLease = over(OrderStoreMemory, leaseAll)
export const ordersSkippingLockedWithoutLease = over(ordersWithoutLease, skipLocked)
export const ordersTakingAll = over(OrderStoreMemory, takeAll)
export const paymentsTakingAll = over(PaymentStoreMemory, takeAll)
/** The repositories take what is put over the outbox only when they are built over it. */
export const paymentsPublishingAtOnce = Layer.mergeAll(AccountRepositoryMemory, PaymentRepositoryMemory).pipe(
  Layer.provideMerge(publishAtOnce),
  Layer.provideMerge(
    Layer.mergeAll(OutboxMemory, InboxMemory, DeadLettersMemory, IdempotencyMemory, TransactionsMemory, PurgeMemory)
  )
)
