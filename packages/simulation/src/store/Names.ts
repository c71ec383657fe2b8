import { ORDER_EVENTS } from "@g-store/contracts/OrderEvents.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import type { Overlay } from "@g-store/messaging/memory/MemoryTables.ts"
import {
  EVENT_TYPE,
  type IncomingMessage,
  MESSAGE_ID,
  type OutgoingMessage,
  type WireMessage
} from "@g-store/messaging/Message.ts"
import { Result } from "effect"

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const KEY = /(?:o|t)\d+-[\w-]+$/

interface Stored {
  readonly message: OutgoingMessage
}

/** Readable names for what has random ids, the same from run to run: o3 is the third order, o3/2 its second event. */
export class Names {
  private readonly names = new Map<string, string>()

  learn(id: string, name: string): void {
    this.names.set(id, name)
  }

  of(id: string): string {
    return this.names.get(id) ?? id
  }

  /** A statement by its label and the rows that it locks. */
  readonly statement = (label: string, locks: ReadonlyArray<string>): string => {
    const found = locks.flatMap((lock) => {
      const key = KEY.exec(lock)
      return key !== null ? [key[0]] : (lock.match(UUID) ?? []).flatMap((id) => this.names.get(id) ?? [])
    })
    return found.length === 0 ? label : `${label} ${found.join(",")}`
  }

  readonly publish = (messages: ReadonlyArray<WireMessage>): string =>
    messages.map(({ headers }) => this.of(headers[MESSAGE_ID] ?? "")).join(",")

  /** Takes in the ids that a commit of order-service or payment-service brought into the world. */
  readonly committed = (writes: Overlay): void => {
    for (const row of writes.get("idempotency")?.values() ?? []) {
      const { answer, key } = row as { readonly key: string; readonly answer: { readonly orderId?: string } }
      if (answer.orderId !== undefined) this.learn(answer.orderId, key.split("-")[0] ?? key)
    }
    for (const [table, rows] of writes) {
      if (!table.startsWith("outbox/")) continue
      for (const row of rows.values()) {
        if (row !== undefined) this.learnMessage((row as Stored).message)
      }
    }
  }

  private learnMessage({ eventType, id, key, payload, topic }: OutgoingMessage): void {
    const event = Result.getOrUndefined(decodeEvent(eventType, payload))
    const version = event !== undefined && "version" in event ? event.version : undefined
    this.learn(id, `${this.of(key)}/${topic === ORDER_EVENTS ? version : "payment"}`)
  }
}

/** The order's version that a message tells of, if it tells of any. */
export const versionOf = ({ headers, payload }: Pick<IncomingMessage, "headers" | "payload">): number | undefined => {
  const event = Result.getOrUndefined(decodeEvent(headers[EVENT_TYPE], payload))
  return event !== undefined && "version" in event ? event.version : undefined
}
