import type { OrderId } from "@g-store/contracts/Ids.ts"
import { MemoryDatabase, type Rows } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { DateTime, Effect, Layer } from "effect"
import { Feed, type FeedEvent, type FeedOrder, type FeedScope, READ_SIZE, SCOPE_SIZE } from "./Feed.ts"
import { numbered, toUpdate } from "./FeedUpdates.ts"

type Kept = Omit<FeedOrder, "oldestVersion">
type Event = FeedEvent & { readonly version: number }

const eventKey = (id: OrderId, version: number) => `${id}/${version}`
const positionKey = (topic: string, partition: number) => `${topic}/${partition}`

const orderOf = (rows: Rows) => (order: Kept): FeedOrder => {
  let oldestVersion = order.version
  while (rows.get("feed", eventKey(order.orderId, oldestVersion - 1)) !== undefined) oldestVersion--
  return { ...order, oldestVersion }
}

const put = (rows: Rows, event: Event): void => {
  const { orderId, status, userId, version } = event
  if (rows.get("feed", eventKey(orderId, version)) !== undefined) return
  rows.put("feed", eventKey(orderId, version), event)
  const known = rows.get<Kept>("feed_order", orderId)
  if (known === undefined) rows.put("feed_order", orderId, { orderId, userId, status, version })
  else if (known.version < version) rows.put("feed_order", orderId, { ...known, status, version })
}

/** The twin of FeedPostgres for tests and simulation: the same promises on MemoryDatabase. */
export const FeedMemory = Layer.effect(
  Feed,
  Effect.map(MemoryDatabase, (database) => {
    const within = (scope: FeedScope) => (order: Kept) => scope._tag === "All" || order.userId === scope.userId
    return Feed.of({
      append: (events) => {
        const ids = [...new Set(events.map((event) => event.orderId))].toSorted()
        return database.statement("append feed", ids.map((id) => `feed_order/${id}`), (rows) => {
          const last = new Map(ids.flatMap((id) => {
            const known = rows.get<Kept>("feed_order", id)
            return known === undefined ? [] : [[id, known.version] as const]
          }))
          for (const event of numbered(events, last)) put(rows, event)
        })
      },
      order: (id) =>
        database.statement("read feed order", [], (rows) => {
          const known = rows.get<Kept>("feed_order", id)
          return known === undefined ? undefined : orderOf(rows)(known)
        }),
      updates: (id, after) =>
        database.statement("read feed", [], (rows) => {
          const known = rows.get<Kept>("feed_order", id)
          const found: Array<Event> = []
          for (let version = after + 1; version <= (known?.version ?? 0); version++) {
            const event = rows.get<Event>("feed", eventKey(id, version))
            if (event !== undefined) found.push(event)
            if (found.length === READ_SIZE) break
          }
          return found.map(toUpdate)
        }),
      newest: (scope) =>
        database.statement("read feed scope", [], (rows) =>
          rows.scan<Kept>("feed_order", within(scope))
            .toSorted((a, b) => a.orderId < b.orderId ? 1 : -1).slice(0, SCOPE_SIZE)
            .map(orderOf(rows))),
      among: (scope, ids) =>
        database.statement(
          "read feed orders",
          [],
          (rows) => ids.flatMap((id) => rows.get<Kept>("feed_order", id) ?? []).filter(within(scope)).map(orderOf(rows))
        ),
      versions: (ids) =>
        ids.length === 0 ? Effect.succeed(new Map()) : database.statement(
          "read feed versions",
          [],
          (rows) =>
            new Map(ids.flatMap((id) => {
              const known = rows.get<Kept>("feed_order", id)
              return known === undefined ? [] : [[id, known.version] as const]
            }))
        ),
      position: (topic, partition) =>
        database.statement(
          "read position",
          [],
          (rows) => rows.get<{ readonly next: bigint }>("feed_position", positionKey(topic, partition))?.next
        ),
      advance: (positions) =>
        database.statement("advance", [], (rows) => {
          for (const { next, partition, topic } of positions) {
            const known = rows.get<{ readonly next: bigint }>("feed_position", positionKey(topic, partition))
            if (known === undefined || known.next < next) {
              rows.put("feed_position", positionKey(topic, partition), { next })
            }
          }
        }),
      purge: (olderThan, limit) =>
        database.statement("purge feed", [], (rows) => {
          const isOld = ({ occurredAt, orderId, version }: Event): boolean =>
            DateTime.isLessThan(occurredAt, olderThan) &&
            version < (rows.get<Kept>("feed_order", orderId)?.version ?? 0)
          // An order's events go from the first on: one that lies behind a newer one stays.
          const isFirst = ({ orderId, version }: Event): boolean => {
            for (let before = version - 1; before > 0; before--) {
              const event = rows.get<Event>("feed", eventKey(orderId, before))
              if (event !== undefined && !isOld(event)) return false
            }
            return true
          }
          const old = rows.scan<Event>("feed", (event) => isOld(event) && isFirst(event), limit)
          for (const { orderId, version } of old) rows.remove("feed", eventKey(orderId, version))
          return old.length
        })
    })
  })
)
