import { PgClient } from "@effect/sql-pg/PgClient"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import { OrderNotFound } from "@g-store/contracts/OrderErrors.ts"
import { Outbox } from "@g-store/messaging/Outbox.ts"
import { orUnavailable, transaction } from "@g-store/messaging/postgres/Postgres.ts"
import { CurrentTraceparent } from "@g-store/messaging/TraceContext.ts"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { type Caused, OrderRepository } from "../application/OrderRepository.ts"
import { groupCommit } from "./GroupCommit.ts"
import { outgoing } from "./OrderMessages.ts"
import { orderCreation } from "./postgres/OrderCreation.ts"
import { countOfUser, listOfAll, listOfUser } from "./postgres/OrderLists.ts"
import { type HistoryRow, type OrderRow, toEntry, toOrder } from "./postgres/OrderRow.ts"
import { saveDecisions } from "./postgres/OrderWrites.ts"

export const OrderRepositoryPostgres = Layer.effect(
  OrderRepository,
  Effect.gen(function*() {
    // Names stay as the tables spell them, whatever the client is set up to turn them into.
    const sql = (yield* PgClient).withoutTransforms()
    const outbox = yield* Outbox
    const random = yield* SecureRandom.SecureRandom
    const atomically = transaction(sql)

    const commit = yield* groupCommit({
      lanes: 2,
      // Larger ones gain nothing more, and each waits for all of it.
      maxBatch: 256,
      // Half of the requests that a process works on at once: when the database stalls, reads still get a turn.
      maxWaiting: 500,
      commit: orderCreation(sql, outbox.wake)
    })

    /** Inside a transaction that holds the rows' locks since before the messages get their positions in the outbox. */
    const save = Effect.fnUntraced(function*(caused: ReadonlyArray<Caused>) {
      const changes = caused.filter(({ decision }) => decision.entries.length > 0)
      if (changes.length === 0) return
      const messages = yield* Effect.forEach(
        changes,
        ({ decision, traceparent }) => outgoing(random, decision, traceparent)
      )
      yield* saveDecisions(sql, changes.map(({ decision }) => decision), messages.flat())
      yield* outbox.wake
    })

    const found = (id: OrderId, [row]: ReadonlyArray<OrderRow>) =>
      row === undefined ? Effect.fail(OrderNotFound.of(id)) : Effect.succeed(toOrder(row))

    return OrderRepository.of({
      // Without a span of its own: it is hot, and Orders.create has one.
      add: Effect.fnUntraced(function*(decision, key) {
        const messages = yield* outgoing(random, decision, yield* CurrentTraceparent)
        return yield* commit({ decision, messages, key })
      }),
      update: Effect.fn("OrderRepository.update")(function*(id, decide) {
        const order = yield* found(id, yield* sql<OrderRow>`SELECT * FROM orders WHERE id = ${id} FOR UPDATE`)
        const decision = yield* Effect.fromResult(decide(order))
        yield* save([{ decision, traceparent: yield* CurrentTraceparent }])
        return decision.order
      }, atomically),
      updateMany: Effect.fn("OrderRepository.updateMany")(function*(ids, decide) {
        const rows = yield* sql<OrderRow>`
          SELECT * FROM orders WHERE id = ANY(${[...new Set(ids)]}::uuid[]) ORDER BY id FOR UPDATE`
        yield* save(yield* Effect.fromResult(decide(new Map(rows.map((row) => [row.id, toOrder(row)])))))
      }, atomically),
      byId: Effect.fn("OrderRepository.byId")(function*(id) {
        return yield* found(id, yield* orUnavailable(sql<OrderRow>`SELECT * FROM orders WHERE id = ${id}`))
      }),
      history: Effect.fn("OrderRepository.history")(function*(id) {
        const rows = yield* sql<HistoryRow>`SELECT * FROM order_history WHERE order_id = ${id} ORDER BY version`
        return rows.map(toEntry)
      }, orUnavailable),
      page: Effect.fn("OrderRepository.page")(function*(filter, { limit, page }) {
        const [count] = yield* countOfUser(sql, filter)
        const total = Number(count?.total ?? 0)
        const offset = (page - 1) * limit
        const rows = offset >= total ? [] : yield* listOfUser(sql, filter, { offset, limit })
        return { orders: rows.map(toOrder), total }
      }, orUnavailable),
      slice: Effect.fn("OrderRepository.slice")(function*({ status, userId }, { before, limit }) {
        // One more than asked for tells whether there is a next slice.
        const at = { before, limit: limit + 1, offset: 0 }
        const rows = yield* (userId === undefined
          ? listOfAll(sql, { status }, at)
          : listOfUser(sql, { status, userId }, at))
        return {
          orders: rows.slice(0, limit).map(toOrder),
          next: rows.length > limit ? rows[limit - 1]?.id : undefined
        }
      }, orUnavailable)
    })
  })
)
