import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import { Effect, FiberSet, Schedule } from "effect"
import { type Feed, READ_SIZE } from "./Feed.ts"
import type { LiveEvent } from "./LiveTail.ts"

/** What a socket may follow an order by: its own subscription, or the one of a scope that covers it. */
export type FollowedBy = "name" | "scope"

/** How far one socket has been told about one order. */
interface Cursor {
  /** For each subscription: what came after this version was sent while it stood, or will be. */
  readonly from: Map<FollowedBy, number>
  /** The last version that was sent or shown. */
  last: number
  /** The last version that is known to exist: what is missing up to here is looked for. */
  heard: number
  /** While the feed is read for it, live events only leave this mark: what they say is read there too. */
  state: "live" | "reading" | "reading, more came"
  /** A missing version is looked for again soon; and how long the next wait for it is, in milliseconds. */
  waiting: boolean
  patience: number
}

const cursorAt = (version: number, from: Map<FollowedBy, number>, heard = version): Cursor => ({
  from,
  last: version,
  heard,
  state: "live",
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
  readonly by: FollowedBy
}

/**
 * One socket's place in each order that it follows. An order has one cursor however many subscriptions cover it, so that
 * one frame serves them all: live events are sent when they are the next version, everything else is read from the feed,
 * and what the feed does not have yet is waited for.
 *
 * The promise is each subscription's own: every version after the one that it named or was shown, in order, without a
 * gap. Only where one names a version that lies before what another one was sent meanwhile, the cursor goes back to it,
 * and what lies between comes again.
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
      if (cursor.from.has("name") || cursor.state !== "live") continue
      cursors.delete(id)
      return
    }
  }

  return {
    /** Whether the order is followed by name. */
    isNamed: (orderId: OrderId): boolean => cursors.get(orderId)?.from.has("name") === true,
    named: (): number => {
      let count = 0
      for (const { from } of cursors.values()) if (from.has("name")) count++
      return count
    },
    /** The last version of the order that was sent or shown; undefined for one that is not followed. */
    last: (orderId: OrderId): number | undefined => cursors.get(orderId)?.last,
    /**
     * Begins to follow an order behind `after`, and sends what the feed has from there. A subscription that has been sent
     * that already while it stood gets nothing again.
     */
    open: (orderId: OrderId, { after, by, version }: Opening): void => {
      let cursor = cursors.get(orderId)
      const begun = cursor?.from.get(by)
      if (cursor === undefined) cursor = cursorAt(after, new Map([[by, after]]))
      else if (begun === undefined || after < begun) {
        // A new cursor, so that what is being read for the old one is dropped.
        if (after < cursor.last) cursor = cursorAt(after, cursor.from, cursor.heard)
        cursor.from.set(by, after)
      }
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
        cursor = cursorAt((version ?? 1) - 1, new Map())
        cursors.set(event.orderId, cursor)
      }
      if (covered && !cursor.from.has("scope")) cursor.from.set("scope", cursor.last)
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
      cursor.from.delete("name")
      if (!keptByScope) cursors.delete(orderId)
    },
    /** Ends what only scopes follow. */
    closeUnnamed: (): void => {
      for (const [id, { from }] of cursors) {
        from.delete("scope")
        if (!from.has("name")) cursors.delete(id)
      }
    }
  }
})
