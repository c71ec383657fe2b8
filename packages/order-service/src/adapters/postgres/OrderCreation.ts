import { OrderId } from "@g-store/contracts/Ids.ts"
import { type IdempotencyKey, KeyReused } from "@g-store/messaging/Idempotency.ts"
import { idempotencyLookup } from "@g-store/messaging/postgres/IdempotencyPostgres.ts"
import { orUnavailable } from "@g-store/messaging/postgres/Postgres.ts"
import { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Cause, Effect, Exit, Schedule, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import type { Added } from "../../application/OrderRepository.ts"
import { insertOrders, type NewOrder } from "./OrderWrites.ts"

type Outcome = Exit.Exit<Added, KeyReused | DatabaseUnavailable>
type KeyedOrder = NewOrder & { readonly key: IdempotencyKey }

/** After a lost answer the same orders are tried again, at most four times. */
const again = Schedule.exponential("20 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 4 }))

/**
 * All tries together take at most 12 seconds. That is longer than the server's statement_timeout: a slow statement ends
 * with that, and a server that says nothing ends here.
 */
const inTime = Effect.timeoutOrElse({
  duration: "12 seconds",
  orElse: () => Effect.fail(new DatabaseUnavailable({ cause: new Cause.TimeoutError("the database is silent") }))
})

/** What is kept under an idempotency key. */
const decodeAnswer = Schema.decodeUnknownEffect(Schema.Struct({ orderId: OrderId }))

/**
 * Commits new orders together and says what became of each, in their order. `wake` follows every commit that stored some.
 *
 * - A batch that PostgreSQL refuses for good (it holds a bad row) is done again row by row: only the bad row fails.
 * - A batch without an answer (connection lost, maybe after the commit) is sent again: insertOrders skips what is there.
 * - An order whose key is known gets the first order, or KeyReused when that was asked for otherwise. So do further uses
 *   of a key within the batch: only the first one is stored with it, and the others find that.
 */
export const orderCreation = (sql: SqlClient.SqlClient, wake: Effect.Effect<void>) => {
  const write = (batch: ReadonlyArray<NewOrder>) =>
    orUnavailable(insertOrders(sql, batch)).pipe(
      Effect.tapError((error) =>
        Effect.logWarning(
          `no answer about ${batch.length} new orders: stored or not, they are tried as they are`,
          error
        )
      ),
      Effect.retry(again),
      inTime,
      Effect.tap((rows) => rows.length === 0 ? Effect.void : wake),
      Effect.map((rows): ReadonlySet<string> => new Set(rows.map(({ id }) => id)))
    )

  /** For each order the ids that were stored together with it, or what went wrong. */
  const store = Effect.fnUntraced(function*(batch: ReadonlyArray<NewOrder>) {
    const together = yield* Effect.exit(write(batch))
    const exits = new Map(batch.map((order) => [order, together]))
    if (Exit.isSuccess(together) || !Cause.hasDies(together.cause) || batch.length === 1) return exits
    for (const [i, order] of batch.entries()) {
      const alone = yield* Effect.exit(write([order]))
      exits.set(order, alone)
      // No database any more: the others need not find that out one after the other.
      if (Exit.isFailure(alone) && !Cause.hasDies(alone.cause)) {
        for (const other of batch.slice(i)) exits.set(other, alone)
        break
      }
    }
    return exits
  })

  /** Outcomes by what is kept under the orders' keys; none for a key that nobody has used. */
  const replay = (orders: ReadonlyArray<KeyedOrder>): Effect.Effect<ReadonlyMap<NewOrder, Outcome>> =>
    Effect.gen(function*() {
      const outcomes = new Map<NewOrder, Outcome>()
      if (orders.length === 0) return outcomes
      const kept = new Map(
        (yield* inTime(idempotencyLookup(sql, orders.map(({ key }) => key)))).map((use) => [nameOf(use), use])
      )
      for (const order of orders) {
        const use = kept.get(nameOf(order.key))
        if (use === undefined) continue
        const { orderId } = yield* Effect.orDie(decodeAnswer(use.answer))
        // Its own id there means that an earlier try stored it and lost the answer: to the caller it is new.
        const replayed = orderId !== order.decision.order.id
        outcomes.set(
          order,
          use.hash === order.key.hash
            ? Exit.succeed({ orderId, replayed })
            : Exit.fail(new KeyReused({ key: order.key.key }))
        )
      }
      return outcomes
    }).pipe(
      Effect.catchCause((cause) => Effect.succeed(new Map(orders.map((order) => [order, Exit.failCause(cause)]))))
    )

  return (batch: ReadonlyArray<NewOrder>): Effect.Effect<ReadonlyArray<Outcome>> =>
    Effect.gen(function*() {
      const outcomes = new Map<NewOrder, Outcome>()
      let left = batch
      while (left.length > 0) {
        const { firsts, repeats: known } = apart(left)
        const stored = yield* store(firsts)
        for (const order of firsts) {
          const exit = stored.get(order) ?? missing
          const orderId = order.decision.order.id
          if (Exit.isFailure(exit)) outcomes.set(order, Exit.failCause(exit.cause))
          else if (exit.value.has(orderId) || !hasKey(order)) {
            outcomes.set(order, Exit.succeed({ orderId, replayed: false }))
          } else known.push(order)
        }
        for (const [order, outcome] of yield* replay(known)) outcomes.set(order, outcome)
        // A key that is known to nobody after all: its first use was a bad row, or it was purged meanwhile.
        left = known.filter((order) => !outcomes.has(order))
      }
      return batch.map((order) => outcomes.get(order) ?? missing)
    })
}

const hasKey = (order: NewOrder): order is KeyedOrder => order.key !== undefined

/** A key with its scope, told apart from every other pair. */
const nameOf = ({ key, scope }: Pick<IdempotencyKey, "scope" | "key">): string => `${scope.length}:${scope}${key}`

/** Orders with no key or with the first use of theirs; and those that use a key again. */
const apart = (orders: ReadonlyArray<NewOrder>) => {
  const used = new Set<string>()
  const firsts: Array<NewOrder> = []
  const repeats: Array<KeyedOrder> = []
  for (const order of orders) {
    if (hasKey(order) && used.has(nameOf(order.key))) repeats.push(order)
    else {
      if (hasKey(order)) used.add(nameOf(order.key))
      firsts.push(order)
    }
  }
  return { firsts, repeats }
}

const missing = Exit.failCause(Cause.die(new Error("a batch of new orders said nothing about one of them")))
