import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import { Effect, FiberSet, Schedule } from "effect"
import { type Feed, READ_SIZE } from "./Feed.ts"
import type { LiveEvent } from "./LiveTail.ts"

/** How far one socket has been told about one order. */
interface Cursor {
  /** The last version that was sent or shown. */
  last: number
  /** While the feed is read for it, live events only leave this mark: what they say is read there too. */
  state: "live" | "reading" | "reading, more came"
  /** Subscribed by name, not only as part of a scope. */
  named: boolean
}

/** Cursors that only a scope keeps: beyond this many the oldest go, and begin anew with the order's next event. */
const SCOPE_CURSORS = 10_000

/**
 * One socket's place in each order that it follows. An order has one cursor however it is subscribed, so that no version
 * is sent twice: live events are sent when they are the next version, everything else is read from the feed, and what
 * the feed does not have yet is waited for.
 */
export const makeCursors = Effect.fnUntraced(function*(
  feed: Feed["Service"],
  send: (update: OrderUpdate) => void
) {
  const cursors = new Map<OrderId, Cursor>()
  const fork = yield* FiberSet.makeRuntime<never, void, never>()

  const take = (cursor: Cursor, update: OrderUpdate): boolean => {
    if (update.data.version !== cursor.last + 1) return false
    send(update)
    cursor.last++
    return true
  }

  /** Sends what the feed has after the cursor, as far as it goes on without a gap. */
  const read = (orderId: OrderId, cursor: Cursor) =>
    Effect.gen(function*() {
      for (;;) {
        cursor.state = "reading"
        const updates = yield* feed.updates(orderId, cursor.last)
        if (cursors.get(orderId) !== cursor) return
        // A version that another read of this cursor has sent meanwhile is passed by.
        const gap = updates.some((update) => update.data.version > cursor.last && !take(cursor, update))
        if ((gap || updates.length < READ_SIZE) && cursor.state === "reading") break
      }
      cursor.state = "live"
    }).pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)

  const catchUp = (orderId: OrderId, cursor: Cursor): void => {
    if (cursor.state === "live") {
      cursor.state = "reading"
      fork(read(orderId, cursor))
    } else cursor.state = "reading, more came"
  }

  const forget = (): void => {
    for (const [id, cursor] of cursors) {
      if (cursor.named) continue
      cursors.delete(id)
      return
    }
  }

  return {
    /** Whether the order is followed by name. */
    isNamed: (orderId: OrderId): boolean => cursors.get(orderId)?.named === true,
    named: (): number => {
      let count = 0
      for (const cursor of cursors.values()) if (cursor.named) count++
      return count
    },
    /** Begins to follow an order behind `after`, and sends what the feed has from there. */
    open: (orderId: OrderId, after: number, options: { readonly named: boolean; readonly resume: boolean }): void => {
      const known = cursors.get(orderId)
      const cursor: Cursor = known === undefined
        ? { last: after, state: "live", named: options.named }
        // Followed already: only a resume may go back, else what is on its way would be skipped.
        : { last: options.resume ? after : Math.min(after, known.last), state: "live", named: known.named || options.named }
      cursors.set(orderId, cursor)
      catchUp(orderId, cursor)
    },
    /** A live event of an order that is followed; of another one it is the beginning, if a scope covers it. */
    deliver: (event: LiveEvent, covered: boolean): void => {
      let cursor = cursors.get(event.orderId)
      if (cursor === undefined) {
        if (!covered) return
        if (cursors.size >= SCOPE_CURSORS) forget()
        cursor = { last: (event.update?.data.version ?? 1) - 1, state: "live", named: false }
        cursors.set(event.orderId, cursor)
      }
      if (event.update !== undefined && event.update.data.version <= cursor.last) return
      if (cursor.state !== "live" || event.update === undefined || !take(cursor, event.update)) {
        catchUp(event.orderId, cursor)
      }
    },
    close: (orderId: OrderId, keptByScope: boolean): void => {
      const cursor = cursors.get(orderId)
      if (cursor === undefined) return
      if (keptByScope) cursor.named = false
      else cursors.delete(orderId)
    },
    /** Ends what only scopes follow. */
    closeUnnamed: (): void => {
      for (const [id, cursor] of cursors) if (!cursor.named) cursors.delete(id)
    }
  }
})

export type Cursors = Effect.Success<ReturnType<typeof makeCursors>>
