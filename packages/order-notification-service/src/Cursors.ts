import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import { Effect, FiberSet, Schedule } from "effect"
import { type Feed, READ_SIZE } from "./Feed.ts"
import type { LiveEvent } from "./LiveTail.ts"

/** How far one socket has been told about one order. */
interface Cursor {
  /** What came after this version was sent, or will be. */
  readonly from: number
  /** The last version that was sent or shown. */
  last: number
  /** The last version that is known to exist: what is missing up to here is looked for. */
  heard: number
  /** While the feed is read for it, live events only leave this mark: what they say is read there too. */
  state: "live" | "reading" | "reading, more came"
  /** Subscribed by name, not only as part of a scope. */
  named: boolean
  /** A missing version is looked for again soon; and how long the next wait for it is, in milliseconds. */
  waiting: boolean
  patience: number
}

const cursorAt = (version: number, named: boolean): Cursor => ({
  from: version,
  last: version,
  heard: version,
  state: "live",
  named,
  waiting: false,
  patience: GAP.first
})

/** Cursors that only a scope keeps: beyond this many the oldest go, and begin anew with the order's next event. */
const SCOPE_CURSORS = 10_000

/** How long to wait before a version that must be there is looked for again, in milliseconds: doubled up to the longest. */
const GAP = { first: 250, longest: 30_000 }

export interface Opening {
  /** The version that the client named or is shown. */
  readonly after: number
  /** The order's version in the feed, read after listening began. */
  readonly version: number
  readonly named: boolean
}

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
        const before = cursor.last
        for (const update of updates) {
          cursor.heard = Math.max(cursor.heard, update.data.version)
          take(cursor, update)
        }
        const maybeMore = updates.length === READ_SIZE && cursor.last > before
        if (cursor.state === "reading" && !maybeMore) break
      }
      cursor.state = "live"
      if (cursor.last < cursor.heard) lookAgain(orderId, cursor)
      else cursor.patience = GAP.first
    }).pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)

  /** A version waits behind a dead letter, or comes by another partition: whoever stores it may be another replica. */
  const lookAgain = (orderId: OrderId, cursor: Cursor): void => {
    if (cursor.waiting) return
    cursor.waiting = true
    const { patience } = cursor
    cursor.patience = Math.min(GAP.longest, patience * 2)
    fork(Effect.delay(
      Effect.sync(() => {
        cursor.waiting = false
        if (cursors.get(orderId) === cursor && cursor.last < cursor.heard) catchUp(orderId, cursor)
      }),
      patience
    ))
  }

  const catchUp = (orderId: OrderId, cursor: Cursor): void => {
    if (cursor.state === "live") {
      cursor.state = "reading"
      fork(read(orderId, cursor))
    } else cursor.state = "reading, more came"
  }

  /** Drops the oldest cursor that nothing is on its way to. */
  const forget = (): void => {
    for (const [id, cursor] of cursors) {
      if (cursor.named || cursor.state !== "live") continue
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
    /**
     * Begins to follow an order behind `after`, and sends what the feed has from there. Of an order that is followed
     * already nothing is sent again, unless `after` lies before where following it began.
     */
    open: (orderId: OrderId, { after, named, version }: Opening): void => {
      const known = cursors.get(orderId)
      const cursor: Cursor = known !== undefined && known.from <= after
        ? known
        : cursorAt(after, known?.named ?? false)
      cursor.named ||= named
      cursors.set(orderId, cursor)
      if (cursor.last < version) catchUp(orderId, cursor)
    },
    /** A live event of an order that is followed; of another one it is the beginning, if a scope covers it. */
    deliver: (event: LiveEvent, covered: boolean): void => {
      const version = event.update?.data.version
      let cursor = cursors.get(event.orderId)
      if (cursor === undefined) {
        if (!covered) return
        if (cursors.size >= SCOPE_CURSORS) forget()
        cursor = cursorAt((version ?? 1) - 1, false)
        cursors.set(event.orderId, cursor)
      }
      if (version !== undefined) {
        if (version <= cursor.last) return
        cursor.heard = Math.max(cursor.heard, version)
      }
      const taken = cursor.state === "live" && event.update !== undefined && take(cursor, event.update)
      if (!taken || cursor.last < cursor.heard) catchUp(event.orderId, cursor)
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
