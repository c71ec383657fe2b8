import { OrderId } from "@g-store/contracts/Ids.ts"
import type { HistoryEntry, Order } from "@g-store/contracts/Order.ts"
import { OrderNotFound } from "@g-store/contracts/OrderErrors.ts"
import { type IdempotencyKey, KeyReused } from "@g-store/messaging/Idempotency.ts"
import { idempotencyLock, idempotencyRow, putIdempotencyRow } from "@g-store/messaging/memory/IdempotencyMemory.ts"
import { MemoryDatabase, type Rows } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { appendRows } from "@g-store/messaging/memory/OutboxMemory.ts"
import type { OutgoingMessage } from "@g-store/messaging/Message.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { CurrentTraceparent } from "@g-store/messaging/TraceContext.ts"
import { Effect, Layer, Result, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { type Caused, type OrderFilter, OrderRepository } from "../application/OrderRepository.ts"
import type { Decision } from "../domain/Order.ts"
import { outgoing } from "./OrderMessages.ts"

/** The twin of OrderRepositoryPostgres for tests and simulation: the same promises on MemoryDatabase. */
export const OrderRepositoryMemory = Layer.effect(
  OrderRepository,
  Effect.gen(function*() {
    const database = yield* MemoryDatabase
    const outbox = yield* Outbox
    const random = yield* SecureRandom.SecureRandom

    const messagesOf = (caused: ReadonlyArray<Caused>) =>
      Effect.map(
        Effect.forEach(caused, ({ decision, traceparent }) => outgoing(random, decision, traceparent)),
        (messages) => messages.flat()
      )

    /** Locks and loads, decides, stores: one transaction, and the locks last to its end. */
    const update = <A, E>(
      ids: ReadonlyArray<OrderId>,
      decide: (orders: ReadonlyMap<OrderId, Order>) => Result.Result<readonly [ReadonlyArray<Caused>, A], E>
    ) =>
      database.transaction(Effect.gen(function*() {
        const sorted = [...new Set(ids)].toSorted()
        const orders = yield* database.statement(
          "lock orders",
          sorted.map((id) => `orders/${id}`),
          (rows) =>
            new Map(sorted.flatMap((id): Array<[OrderId, Order]> => {
              const order = orderOf(rows, id)
              return order === undefined ? [] : [[id, order]]
            }))
        )
        const [caused, answer] = yield* Effect.fromResult(decide(orders))
        const messages = yield* messagesOf(caused)
        yield* database.statement("save orders", [], (rows) => {
          for (const { decision } of caused) put(rows, decision)
          appendRows(rows, messages)
        })
        yield* outbox.wake
        return answer
      }))

    return OrderRepository.of({
      add: Effect.fn("OrderRepository.add")(function*(decision, key) {
        const messages = yield* messagesOf([{ decision, traceparent: yield* CurrentTraceparent }])
        const added = yield* database.statement(
          "add order",
          key === undefined ? [] : [idempotencyLock(key)],
          (rows) => add(rows, decision, messages, key)
        )
        yield* outbox.wake
        return yield* Effect.fromResult(added)
      }),
      update: Effect.fn("OrderRepository.update")(function*(id, decide) {
        const traceparent = yield* CurrentTraceparent
        return yield* update([id], (orders) =>
          Result.gen(function*() {
            const decision = yield* decide(yield* Result.fromNullishOr(orders.get(id), () => OrderNotFound.of(id)))
            return [[{ decision, traceparent }], decision.order] as const
          }))
      }),
      updateMany: Effect.fn("OrderRepository.updateMany")((ids, decide) =>
        update(ids, (orders) => Result.map(decide(orders), (caused) => [caused, undefined] as const))
      ),
      byId: Effect.fn("OrderRepository.byId")(function*(id) {
        const order = yield* database.statement("order", [], (rows) => orderOf(rows, id))
        return order ?? (yield* OrderNotFound.of(id))
      }),
      history: Effect.fn("OrderRepository.history")((id) =>
        database.statement("history", [], (rows) => {
          const versions = Array.from({ length: orderOf(rows, id)?.version ?? 0 }, (_, i) => i + 1)
          return versions.flatMap((version) => rows.get<HistoryEntry>(HISTORY, `${id}/${version}`) ?? [])
        })
      ),
      page: Effect.fn("OrderRepository.page")((filter, { limit, page }) =>
        database.statement("page", [], (rows) => {
          const orders = newestFirst(rows, filter)
          return { orders: orders.slice((page - 1) * limit, page * limit), total: orders.length }
        })
      ),
      slice: Effect.fn("OrderRepository.slice")((filter, { before, limit }) =>
        database.statement("slice", [], (rows) => {
          const orders = newestFirst(rows, filter).filter(({ id }) => before === undefined || id < before)
          return { orders: orders.slice(0, limit), next: orders.length > limit ? orders[limit - 1]?.id : undefined }
        })
      )
    })
  })
)

const ORDERS = "orders"
const HISTORY = "order_history"
const Answer = Schema.Struct({ orderId: OrderId })
const isAnswer = Schema.is(Answer)

const orderOf = (rows: Rows, id: OrderId) => rows.get<Order>(ORDERS, id)

const put = (rows: Rows, { entries, order }: Decision): void => {
  if (entries.length === 0) return
  rows.put(ORDERS, order.id, order)
  for (const entry of entries) rows.put(HISTORY, `${order.id}/${entry.version}`, entry)
}

const add = (
  rows: Rows,
  decision: Decision,
  messages: ReadonlyArray<OutgoingMessage>,
  key: IdempotencyKey | undefined
) => {
  const orderId = decision.order.id
  if (key !== undefined && !putIdempotencyRow(rows, key, { orderId })) {
    const known = idempotencyRow(rows, key)
    if (known?.hash !== key.hash) return Result.fail(new KeyReused({ key: key.key }))
    if (!isAnswer(known.answer)) throw new Error(`the idempotency key ${key.key} does not hold an order id`)
    return Result.succeed({ orderId: known.answer.orderId, replayed: known.answer.orderId !== orderId })
  }
  if (orderOf(rows, orderId) === undefined) {
    put(rows, decision)
    appendRows(rows, messages)
  }
  return Result.succeed({ orderId, replayed: false })
}

const newestFirst = (rows: Rows, { status, userId }: OrderFilter): ReadonlyArray<Order> =>
  rows.scan<Order>(
    ORDERS,
    (order) => (status === undefined || order.status === status) && (userId === undefined || order.userId === userId)
  ).toSorted((a, b) => a.id < b.id ? 1 : -1)
