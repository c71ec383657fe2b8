import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import { Effect, Schedule } from "effect"
import { type Feed, READ_SIZE } from "./Feed.ts"
import type { LiveEvent } from "./LiveTail.ts"
import { SmallMap } from "./SmallMap.ts"

/** What a socket may follow an order by: its own subscription, or the one of a scope that covers it. */
export type FollowedBy = "name" | "scope"

/** How far one socket has been told about one order. */
interface Cursor {
  /** For each subscription: what came after this version was sent while it stood, or will be. */
  name: number | undefined
  scope: number | undefined
  /** The last version that was sent or shown; BEFORE_ALL until it is known where to begin. */
  last: number
  /** The last version that is known to exist: what is missing up to here is looked for. */
  heard: number
  /** While the feed is read for it, live events only leave this mark: what they say is read there too. */
  state: "live" | "reading" | "reading, more came"
  /** A missing version is looked for again soon; and how long the next wait for it is, in milliseconds. */
  waiting: boolean
  patience: number
}

const cursorAt = (version: number, from?: Cursor): Cursor => ({
  name: from?.name,
  scope: from?.scope,
  last: version,
  heard: from?.heard ?? version,
  state: "live",
  waiting: false,
  patience: GAP.first
})

/** Cursors that only a scope keeps: beyond this many the oldest go, and begin anew with the order's next event. */
const SCOPE_CURSORS = 10_000

/** Where a cursor stands before its first read of the feed, if it is to begin with the oldest version there. */
const BEFORE_ALL = -1

/**
 * How long to wait before a missing version is looked for again, in milliseconds: doubled up to the longest. One that the
 * feed lacks while it has later ones may still come by another partition, but once it would be waited for so long as
 * `final` it was left out by an operator.
 */
const GAP = { first: 250, final: 8_000, longest: 30_000 }

export interface Opening {
  /** The version that the client named or is shown. */
  readonly after: number
  /** The order's version in the feed, read after listening began. */
  readonly version: number
  readonly by: FollowedBy
}

export interface CursorsOptions {
  readonly feed: Feed["Service"]
  readonly update: (update: OrderUpdate) => void
  /** Called when the feed goes on with an order behind a version that will never be there. */
  readonly interrupted: (orderId: OrderId) => void
  /** Runs it until it ends, or the socket does. */
  readonly fork: (effect: Effect.Effect<void>) => void
}

/**
 * One socket's place in each order that it follows. An order has one cursor however many subscriptions cover it, so that
 * one frame serves them all: live events are sent when they are the next version, everything else is read from the feed,
 * and what the feed does not have yet is waited for.
 *
 * The promise is each subscription's own: every version after the one that it named or was shown, in order, without a
 * gap; where a version will never come, whoever follows has to be shown the order anew. Only where one names a version that lies before what another one was sent meanwhile, the cursor goes back to it,
 * and what lies between comes again.
 */
export class Cursors {
  private readonly cursors = new SmallMap<OrderId, Cursor>()
  private readonly options: CursorsOptions
  /** The highest id of those that were forgotten. */
  private forgotten = ""

  constructor(options: CursorsOptions) {
    this.options = options
  }

  /** Whether the order is followed by name. */
  isNamed(orderId: OrderId): boolean {
    return this.cursors.get(orderId)?.name !== undefined
  }

  named(): number {
    let count = 0
    for (const { name } of this.cursors.values()) if (name !== undefined) count++
    return count
  }

  /** The last version of the order that was sent or shown; undefined for one that is not followed. */
  last(orderId: OrderId): number | undefined {
    return this.cursors.get(orderId)?.last
  }

  /**
   * Begins to follow an order behind `after`, and sends what the feed has from there. A subscription that has been sent
   * that already while it stood gets nothing again.
   */
  open(orderId: OrderId, { after, by, version }: Opening): void {
    let cursor = this.cursors.get(orderId)
    const begun = cursor?.[by]
    if (begun === undefined || after < begun) {
      // A new cursor, so that what is being read for the old one is dropped.
      if (cursor === undefined || after < cursor.last) cursor = cursorAt(after, cursor)
      cursor[by] = after
      this.cursors.set(orderId, cursor)
    }
    if (cursor !== undefined && cursor.last < version) this.catchUp(orderId, cursor)
  }

  /**
   * A live event of an order that is followed; of another one it is the beginning, if a scope covers it. `shownAbove` is
   * the id above which that scope's snapshot showed all that there were; undefined if none covers the order.
   *
   * An order above it is a new one, and every version of it is sent, however late the first one is heard of: earlier ones
   * may have been released from behind a dead letter unheard. Of an older one nothing was shown or named, so the promise
   * begins with what is heard.
   */
  deliver(event: LiveEvent, shownAbove: string | undefined): void {
    const version = event.update?.data.version
    let cursor = this.cursors.get(event.orderId)
    if (cursor === undefined) {
      if (shownAbove === undefined) return
      if (this.cursors.size >= SCOPE_CURSORS) this.forget()
      const isNew = event.orderId > shownAbove && event.orderId > this.forgotten
      cursor = cursorAt(version === undefined || (isNew && version > 1) ? BEFORE_ALL : version - 1)
      this.cursors.set(event.orderId, cursor)
    }
    if (shownAbove !== undefined && cursor.scope === undefined) cursor.scope = cursor.last
    if (version !== undefined) {
      if (version <= cursor.last) return
      cursor.heard = Math.max(cursor.heard, version)
    }
    const taken = cursor.state === "live" && event.update !== undefined && this.take(cursor, event.update)
    if (!taken || cursor.last < cursor.heard) this.catchUp(event.orderId, cursor)
  }

  close(orderId: OrderId, keptByScope: boolean): void {
    const cursor = this.cursors.get(orderId)
    if (cursor === undefined) return
    cursor.name = undefined
    if (!keptByScope) this.cursors.delete(orderId)
  }

  /** Ends what only scopes follow. */
  closeUnnamed(): void {
    for (const [id, cursor] of this.cursors.entries()) {
      cursor.scope = undefined
      if (cursor.name === undefined) this.cursors.delete(id)
    }
  }

  private take(cursor: Cursor, update: OrderUpdate): boolean {
    if (update.data.version !== cursor.last + 1) return false
    this.options.update(update)
    cursor.last++
    return true
  }

  /** Sends what the feed has after the cursor, as far as it goes on without a gap. */
  private read(orderId: OrderId, cursor: Cursor): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      let goesOn = false
      for (;;) {
        cursor.state = "reading"
        if (cursor.last === BEFORE_ALL) {
          const order = yield* this.options.feed.order(orderId)
          cursor.last = (order?.oldestVersion ?? 1) - 1
        }
        const updates = yield* this.options.feed.updates(orderId, cursor.last)
        if (this.cursors.get(orderId) !== cursor) return
        const before = cursor.last
        for (const update of updates) {
          cursor.heard = Math.max(cursor.heard, update.data.version)
          this.take(cursor, update)
        }
        goesOn = cursor.last < (updates.at(-1)?.data.version ?? 0)
        const maybeMore = updates.length === READ_SIZE && cursor.last > before
        if (cursor.state === "reading" && !maybeMore) break
      }
      cursor.state = "live"
      if (goesOn && cursor.patience >= GAP.final) this.options.interrupted(orderId)
      else if (cursor.last < cursor.heard) this.lookAgain(orderId, cursor)
      else cursor.patience = GAP.first
    }).pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)
  }

  /** A version is held back behind a dead letter, or comes by another partition; whoever stores it may be another replica. */
  private lookAgain(orderId: OrderId, cursor: Cursor): void {
    if (cursor.waiting) return
    cursor.waiting = true
    const { patience } = cursor
    cursor.patience = Math.min(GAP.longest, patience * 2)
    this.options.fork(Effect.delay(
      Effect.sync(() => {
        cursor.waiting = false
        if (this.cursors.get(orderId) === cursor && cursor.last < cursor.heard) this.catchUp(orderId, cursor)
      }),
      patience
    ))
  }

  private catchUp(orderId: OrderId, cursor: Cursor): void {
    if (cursor.state === "live") {
      cursor.state = "reading"
      this.options.fork(this.read(orderId, cursor))
    } else cursor.state = "reading, more came"
  }

  /** Drops the oldest cursor that nothing is on its way to. */
  private forget(): void {
    for (const [id, { name, state }] of this.cursors.entries()) {
      if (name !== undefined || state !== "live") continue
      this.cursors.delete(id)
      if (id > this.forgotten) this.forgotten = id
      return
    }
  }
}
