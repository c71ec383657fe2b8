import * as PgClient from "@effect/sql-pg/PgClient"
import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { CancellationReason, CancelSource, OrderStatus } from "@g-store/contracts/Order.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import { orUnavailable, transaction } from "@g-store/messaging/postgres/Postgres.ts"
import { DateTime, Effect, Layer } from "effect"
import { Feed, type FeedEvent, type FeedOrder, type FeedScope, READ_SIZE, SCOPE_SIZE } from "./Feed.ts"
import { numbered, toUpdate } from "./FeedUpdates.ts"

interface EventRow {
  readonly order_id: OrderId
  readonly version: number
  readonly status: OrderStatus
  readonly reason: CancellationReason | null
  readonly source: CancelSource | null
  readonly occurred_at: Date
}
interface OrderRow {
  readonly order_id: OrderId
  readonly user_id: UserId
  readonly status: OrderStatus
  readonly version: number
  readonly oldest: number
}

const orderOf = (row: OrderRow): FeedOrder => ({
  orderId: row.order_id,
  userId: row.user_id,
  status: row.status,
  version: row.version,
  oldestVersion: row.oldest
})

const updateOf = (row: EventRow): OrderUpdate =>
  toUpdate({
    orderId: row.order_id,
    status: row.status,
    version: row.version,
    reason: row.reason ?? undefined,
    source: row.source ?? undefined,
    occurredAt: DateTime.fromDateUnsafe(row.occurred_at)
  })

/**
 * The advisory lock that appends share, and that an append with events of other systems has alone. A lock for each
 * order would let two such appends, or one beside an append of numbered events, wait for each other in a ring.
 */
const NUMBERING = 4_170_661

export const FeedPostgres = Layer.effect(
  Feed,
  Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const within = (scope: FeedScope) => scope._tag === "All" ? sql`TRUE` : sql`user_id = ${scope.userId}::uuid`
    /** The first version from which all are there up to the last one. */
    const oldest = sql`coalesce((SELECT min(version) FROM (
      SELECT version, version + row_number() OVER (ORDER BY version DESC) AS run
      FROM feed WHERE feed.order_id = o.order_id) AS kept WHERE run = o.version + 1), o.version)::int`

    // Replicas write the same rows at the same time: all take them in order of order and version, those of `feed_order`
    // before those of `feed`, so none waits in a ring. Who numbers events must know that no version is given out
    // meanwhile, and so waits until they are alone.
    const insert = (events: ReadonlyArray<FeedEvent & { readonly version: number }>) => {
      const rows = events.toSorted((a, b) =>
        a.orderId < b.orderId ? -1 : a.orderId > b.orderId ? 1 : a.version - b.version
      )
      const last = [...new Map(rows.map((row) => [row.orderId, row])).values()]
      return sql`
        WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(${NUMBERING})),
        placed AS (
          INSERT INTO feed_order AS o (order_id, user_id, status, version)
          SELECT event.* FROM gate, unnest(${last.map((row) => row.orderId)}::uuid[],
            ${last.map((row) => row.userId)}::uuid[], ${last.map((row) => row.status)}::text[],
            ${last.map((row) => row.version)}::int[]) AS event
          ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, version = excluded.version
          WHERE o.version < excluded.version
          RETURNING 1
        )
        INSERT INTO feed (order_id, version, user_id, status, reason, source, occurred_at)
        SELECT id, version, user_id, status, nullif(reason, ''), nullif(source, ''), occurred_at
        FROM (SELECT count(*) FROM placed) AS first,
          unnest(${rows.map((row) => row.orderId)}::uuid[], ${rows.map((row) => row.version)}::int[],
            ${rows.map((row) => row.userId)}::uuid[], ${rows.map((row) => row.status)}::text[],
            ${rows.map((row) => row.reason ?? "")}::text[], ${rows.map((row) => row.source ?? "")}::text[],
            ${rows.map((row) => DateTime.formatIso(row.occurredAt))}::timestamptz[]
          ) AS event (id, version, user_id, status, reason, source, occurred_at)
        ON CONFLICT DO NOTHING`.pipe(Effect.asVoid)
    }

    /** The last version of each of these orders, with no other append running until the transaction ends. */
    const lastVersions = (events: ReadonlyArray<FeedEvent>) =>
      Effect.gen(function*() {
        const ids = [...new Set(events.map((event) => event.orderId))]
        yield* sql`SELECT pg_advisory_xact_lock(${NUMBERING})`
        const rows = yield* sql<{ order_id: OrderId; version: number }>`
          SELECT order_id, version FROM feed_order WHERE order_id = ANY(${ids}::uuid[])`
        return new Map(rows.map((row) => [row.order_id, row.version]))
      })

    const append = (events: ReadonlyArray<FeedEvent>) => {
      if (events.length === 0) return Effect.void
      const unnumbered = events.filter((event) => event.version === undefined)
      if (unnumbered.length === 0) return orUnavailable(insert(numbered(events, new Map())))
      return transaction(sql)(
        Effect.flatMap(lastVersions(unnumbered), (versions) => insert(numbered(events, versions)))
      )
    }

    return Feed.of({
      append,
      order: (id) =>
        sql<OrderRow>`SELECT o.*, ${oldest} AS oldest FROM feed_order o WHERE o.order_id = ${id}::uuid`.pipe(
          Effect.map(([row]) => row === undefined ? undefined : orderOf(row)),
          orUnavailable
        ),
      updates: (id, after) =>
        sql<EventRow>`
          SELECT order_id, version, status, reason, source, occurred_at FROM feed
          WHERE order_id = ${id}::uuid AND version > ${after} ORDER BY version LIMIT ${READ_SIZE}`.pipe(
          Effect.map((rows) => rows.map(updateOf)),
          orUnavailable
        ),
      newest: (scope) =>
        sql<OrderRow>`
          SELECT o.*, o.version AS oldest FROM feed_order o WHERE ${within(scope)}
          ORDER BY order_id DESC LIMIT ${SCOPE_SIZE}`.pipe(Effect.map((rows) => rows.map(orderOf)), orUnavailable),
      among: (scope, ids) =>
        sql<OrderRow>`
          SELECT o.*, ${oldest} AS oldest FROM feed_order o
          WHERE order_id = ANY(${ids}::uuid[]) AND ${within(scope)}`.pipe(
          Effect.map((rows) => rows.map(orderOf)),
          orUnavailable
        ),
      versions: (ids) =>
        ids.length === 0 ? Effect.succeed(new Map()) : sql<Pick<OrderRow, "order_id" | "version">>`
          SELECT order_id, version FROM feed_order WHERE order_id = ANY(${ids}::uuid[])`.pipe(
          Effect.map((rows) => new Map(rows.map((row) => [row.order_id, row.version]))),
          orUnavailable
        ),
      position: (topic, partition) =>
        sql<{ next_offset: bigint }>`
          SELECT next_offset FROM feed_position WHERE topic = ${topic} AND partition = ${partition}`.pipe(
          Effect.map(([row]) => row?.next_offset),
          orUnavailable
        ),
      advance: (positions) => {
        const sorted = positions.toSorted((a, b) =>
          a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
        )
        return sql`
          INSERT INTO feed_position AS p (topic, partition, next_offset)
          SELECT * FROM unnest(${sorted.map(({ topic }) => topic)}::text[],
            ${sorted.map(({ partition }) => partition)}::int[], ${sorted.map(({ next }) => String(next))}::bigint[])
          ON CONFLICT (topic, partition) DO UPDATE SET next_offset = greatest(p.next_offset, excluded.next_offset)`
          .pipe(
            Effect.asVoid,
            orUnavailable
          )
      },
      purge: (olderThan, limit) =>
        sql<{ dropped: number }>`
          WITH old AS (
            SELECT f.order_id, f.version FROM feed f JOIN feed_order o USING (order_id)
            WHERE f.occurred_at < ${DateTime.toDateUtc(olderThan)} AND f.version < o.version
              AND NOT EXISTS (
                SELECT FROM feed e WHERE e.order_id = f.order_id AND e.version < f.version
                  AND e.occurred_at >= ${DateTime.toDateUtc(olderThan)}
              )
            LIMIT ${limit}
          ), dropped AS (DELETE FROM feed USING old WHERE feed.order_id = old.order_id AND feed.version = old.version RETURNING 1)
          SELECT count(*)::int AS dropped FROM dropped`.pipe(
          Effect.map(([row]) => row?.dropped ?? 0),
          orUnavailable
        )
    })
  })
)
