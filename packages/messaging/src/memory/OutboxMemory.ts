import { Context, Effect, Layer } from "effect"
import type { OutgoingMessage } from "../Message.ts"
import { Outbox, shardOf, SHARDS } from "../Outbox.ts"
import { LEASE_MILLIS, type OutboxRow, type OutboxStatus, OutboxStore } from "../OutboxStore.ts"
import { makeWakeups } from "../Wakeups.ts"
import { MemoryDatabase, type Rows } from "./MemoryDatabase.ts"

/** A table a shard: the head of one is found without passing the rows of the others. */
const tableOf = (shard: number) => `outbox/${shard}`
const shards = Array.from({ length: SHARDS }, (_, shard) => shard)

interface StoredRow extends OutboxRow {
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

interface LeaseRow {
  readonly shard: number
  readonly owner: string
  readonly epoch: bigint
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/**
 * Puts the messages into the outbox, for use inside an adapter's own memory statement that holds the row locks of their
 * aggregates; call `outbox.wake` behind that.
 */
export const appendRows = (rows: Rows, messages: ReadonlyArray<OutgoingMessage>): void => {
  for (const message of messages) {
    const position = BigInt(rows.nextSequence("outbox"))
    const shard = shardOf(message.key)
    const row: StoredRow = { position, shard, message, createdAt: rows.now }
    rows.put(tableOf(shard), String(position), row)
  }
}

const leaseOf = (rows: Rows, shard: number): LeaseRow =>
  rows.get<LeaseRow>("relay_lease", String(shard)) ?? { shard, owner: "", epoch: 0n, expiresAt: -1 }

export const OutboxMemory = Layer.effectContext(Effect.gen(function*() {
  const database = yield* MemoryDatabase
  const wakeups = makeWakeups()
  const wake = database.afterCommit(wakeups.wake)

  const outbox = Outbox.of({
    append: (messages) =>
      messages.length === 0
        ? Effect.void
        : Effect.andThen(database.statement("outbox append", [], (rows) => appendRows(rows, messages)), wake),
    wake
  })

  const store = OutboxStore.of({
    claim: ({ exclusive, owner }) =>
      database.statement("relay claim", [], (rows) =>
        shards.flatMap((shard) => {
          const lease = leaseOf(rows, shard)
          const mine = lease.owner === owner && lease.expiresAt >= rows.now
          if (!mine && lease.expiresAt >= rows.now && exclusive !== true) return []
          const epoch = mine ? lease.epoch : lease.epoch + 1n
          const renewed: LeaseRow = { shard, owner, epoch, expiresAt: rows.now + LEASE_MILLIS }
          rows.put("relay_lease", String(shard), renewed)
          return [{ shard, epoch, remaining: LEASE_MILLIS }]
        })),
    release: (owner) =>
      database.statement("relay release", [], (rows) => {
        for (const shard of shards) {
          const lease = leaseOf(rows, shard)
          if (lease.owner === owner) rows.put("relay_lease", String(shard), { ...lease, expiresAt: -1 })
        }
      }),
    exchange: ({ limit, removals, shards: wanted }) =>
      wanted.length + removals.length === 0 ? Effect.succeed([]) : database.statement("relay exchange", [], (rows) => {
        for (const { epoch, positions, shard } of removals) {
          if (leaseOf(rows, shard).epoch !== epoch) continue
          for (const position of positions) rows.remove(tableOf(shard), String(position))
        }
        return wanted.flatMap((shard) => rows.scan<StoredRow>(tableOf(shard), undefined, limit))
      }),
    status: database.statement("outbox status", [], (rows) => {
      const topics = new Map<string, OutboxStatus>()
      for (const { createdAt, message: { topic } } of shards.flatMap((shard) => rows.scan<StoredRow>(tableOf(shard)))) {
        const known = topics.get(topic)
        const oldestMillis = Math.max(known?.oldestMillis ?? 0, rows.now - createdAt)
        topics.set(topic, { topic, depth: (known?.depth ?? 0) + 1, oldestMillis })
      }
      return [...topics.values()].toSorted((a, b) => a.topic < b.topic ? -1 : 1)
    }),
    wakeups: wakeups.listen
  })
  return Context.make(Outbox, outbox).pipe(Context.add(OutboxStore, store))
}))
