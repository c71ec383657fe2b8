import { Context, type Effect } from "effect"
import type { OutgoingMessage } from "./Message.ts"
import type { DatabaseUnavailable } from "./Transactions.ts"

/** How many shards the keys of an outbox fall into. A constant: it is stored in the rows. */
export const SHARDS = 16

/** FNV-1a over the key's UTF-16 code units, onto the shards: all messages of a key share one. */
export const shardOf = (key: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    hash ^= key.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0) % SHARDS
}

/** Messages waiting for the relay, in the database of the state that they tell of. */
export class Outbox extends Context.Service<Outbox, {
  /** Call inside the transaction that changes state: the rows commit or vanish with it. Wakes the relay after commit. */
  readonly append: (messages: ReadonlyArray<OutgoingMessage>) => Effect.Effect<void, DatabaseUnavailable>
  /** Tells the relay of this process that rows were committed by other means (an adapter's own statement). */
  readonly wake: Effect.Effect<void>
}>()("@g-store/messaging/Outbox") {}
