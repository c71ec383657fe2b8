import type { Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { ClientFrame } from "@g-store/contracts/Socket.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Clock, Effect, Fiber, Latch, Result, Schedule } from "effect"
import { namedVersions, ordersOf } from "./askedScope.ts"
import { Cursors, type CursorsOptions } from "./Cursors.ts"
import { type FeedOrder, type FeedScope, SCOPE_SIZE } from "./Feed.ts"
import { Listening } from "./Listening.ts"
import type { Listener, LiveEvent, LiveTail } from "./LiveTail.ts"
import { SmallMap } from "./SmallMap.ts"
import type { Refuse, Say } from "./SocketSession.ts"

export interface SubscriptionsOptions extends CursorsOptions {
  readonly tail: LiveTail["Service"]
  readonly say: Say
  readonly refuse: Refuse
  /** Who is at the other end by now. */
  readonly caller: Caller | undefined
  /** Whose orders they are is not asked. */
  readonly unchecked: boolean
  /** Orders that may be followed by name. */
  readonly mostNamed: number
  /** Runs it until it ends, or the socket does. */
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

type Subscribe = Extract<ClientFrame, { readonly type: "subscribe" }>
type SubscribeOrder = Extract<Subscribe, { readonly orderId: OrderId }>
type SubscribeScope = Extract<Subscribe, { readonly scope: "mine" | "all" }>
type Unsubscribe = Extract<ClientFrame, { readonly type: "unsubscribe" }>

/** Clients subscribe right after the 201; the order's first event may still be on its way for this long. */
const ARRIVAL_MILLIS = 10_000
const FIRST_LOOK_MILLIS = 100
/**
 * How often a snapshot is read again when another subscription was sent more meanwhile: going on from before that would
 * send it twice.
 */
const LOOKS = 3

const patiently = <A>(effect: Effect.Effect<A, DatabaseUnavailable>): Effect.Effect<A> =>
  effect.pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)

/**
 * What one socket follows. Subscriptions are worked on side by side. An object of a class, not a record of closures: each
 * of those would be memory of every idle socket.
 */
export class Subscriptions {
  private readonly options: SubscriptionsOptions
  private readonly cursors: Cursors
  /** By the order's id or the scope's name, as all keys here. */
  private readonly listenings = new SmallMap<string, Listening>()
  private pending: Map<string, Fiber.Fiber<void>> | undefined
  /** The id above which the scope's snapshot showed every order; undefined while the scope is not followed. */
  private mineShownAbove: string | undefined
  private allShownAbove: string | undefined

  constructor(options: SubscriptionsOptions) {
    this.options = options
    this.cursors = new Cursors(options)
  }

  subscribe(frame: Subscribe): void {
    if ("scope" in frame) return this.subscribeScope(frame)
    const { orderId } = frame
    const { mostNamed } = this.options
    if (!this.cursors.isNamed(orderId) && this.cursors.named() + (this.pending?.size ?? 0) >= mostNamed) {
      const message = `A socket follows at most ${mostNamed} orders. Unsubscribe from some, or subscribe to a scope.`
      return this.options.refuse("LIMIT", message, { orderId })
    }
    this.work(orderId, (asked) => this.subscribeOrder(frame, asked + ARRIVAL_MILLIS))
  }

  unsubscribe(frame: Unsubscribe): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const key = "orderId" in frame ? frame.orderId : frame.scope
      const working = this.pending?.get(key)
      if (working !== undefined) yield* Fiber.interrupt(working)
      this.unlisten(key)
      const byScope = this.listenings.has("mine") || this.listenings.has("all")
      if ("orderId" in frame) this.cursors.close(frame.orderId, byScope)
      else if (!byScope) this.cursors.closeUnnamed()
      this.options.say({
        type: "unsubscribed",
        data: "orderId" in frame ? { orderId: frame.orderId } : { scope: frame.scope }
      })
    })
  }

  /** Listens no more. What is being worked on is its owner's to end. */
  end(): void {
    for (const { stop } of this.listenings.values()) stop()
    this.listenings.clear()
  }

  /** An event of what has begun. */
  tell(event: LiveEvent): void {
    const mine = this.mayFollow(event.userId) ? this.mineShownAbove : undefined
    this.cursors.deliver(event, lower(mine, this.allShownAbove))
  }

  /** Works on it behind what is being worked on for the same key, so that each is answered. */
  private work(key: string, effect: (askedAt: number) => Effect.Effect<void>): void {
    const previous = this.pending?.get(key)
    const turn = previous === undefined
      ? Effect.void
      : Effect.onInterrupt(Fiber.await(previous), () => Fiber.interrupt(previous))
    const fiber = this.options.fork(
      Effect.flatMap(Clock.currentTimeMillis, (askedAt) => Effect.andThen(turn, effect(askedAt)))
    )
    this.pending ??= new Map()
    this.pending.set(key, fiber)
    fiber.addObserver(() => {
      if (this.pending?.get(key) !== fiber) return
      this.pending.delete(key)
      if (this.pending.size === 0) this.pending = undefined
    })
  }

  private listen(key: string, start: (listener: Listener) => () => void): Listening {
    this.unlisten(key)
    const listening = new Listening()
    listening.stop = start((event) => listening.hear(event, this))
    this.listenings.set(key, listening)
    return listening
  }

  private begin(key: string, listening: Listening, shownAbove?: string): void {
    this.cover(key, shownAbove)
    for (const event of listening.begin()) this.tell(event)
  }

  private unlisten(key: string): void {
    this.listenings.get(key)?.stop()
    this.listenings.delete(key)
    this.cover(key, undefined)
  }

  private cover(key: string, shownAbove: string | undefined): void {
    if (key === "mine") this.mineShownAbove = shownAbove
    if (key === "all") this.allShownAbove = shownAbove
  }

  private mayFollow(userId: string): boolean {
    const { caller, unchecked } = this.options
    return unchecked || caller?._tag === "Staff" || (caller?._tag === "Customer" && caller.userId === userId)
  }

  private isBehind({ orderId, version }: FeedOrder): boolean {
    return version < (this.cursors.last(orderId) ?? 0)
  }

  /** The order once the feed has it; undefined when it does not come in time. */
  private arrival(orderId: OrderId, listening: Listening, until: number): Effect.Effect<FeedOrder | undefined> {
    return Effect.gen({ self: this }, function*() {
      const heard = listening.heard = Latch.makeUnsafe(false)
      for (let wait = FIRST_LOOK_MILLIS;; wait *= 2) {
        heard.closeUnsafe()
        const order = yield* patiently(this.options.feed.order(orderId))
        const left = until - (yield* Clock.currentTimeMillis)
        if (order !== undefined || left <= 0) return order
        // What is heard is in the feed. Looking now and then helps where this replica's consumer is behind.
        yield* Effect.raceFirst(heard.await, Effect.sleep(Math.min(wait, left)))
      }
    })
  }

  private subscribeOrder({ afterVersion, orderId }: SubscribeOrder, until: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { feed, tail } = this.options
      const followed = this.cursors.isNamed(orderId)
      const listening = this.listen(orderId, (listener) => tail.listenToOrder(orderId, listener))
      let order = yield* this.arrival(orderId, listening, until)
      for (let nth = 0; nth < LOOKS && order !== undefined && this.isBehind(order); nth++) {
        order = (yield* patiently(feed.order(orderId))) ?? order
      }
      if (order === undefined || !this.mayFollow(order.userId)) {
        if (followed) this.begin(orderId, listening)
        else this.unlisten(orderId)
        return order === undefined
          ? this.options.refuse("ORDER_NOT_FOUND", `There is no order ${orderId}.`, { orderId })
          : this.options.refuse("FORBIDDEN", "This order is not yours.", { orderId })
      }
      const { oldestVersion, status, version } = order
      const lost = isLost(afterVersion, order)
      this.options.say({
        type: "subscribed",
        data: { orderId, status, version, oldestVersion, ...(lost ? { resumed: false } : {}) }
      })
      this.cursors.open(orderId, { after: lost ? version : afterVersion ?? version, version, by: "name" })
      this.begin(orderId, listening)
    })
  }

  private subscribeScope(frame: SubscribeScope): void {
    const { scope } = frame
    const within = ordersOf(frame, this.options.caller)
    const named = namedVersions(frame)
    if (Result.isFailure(within)) return this.options.refuse("FORBIDDEN", within.failure, { scope })
    if (Result.isFailure(named)) return this.options.refuse(...named.failure, { scope })
    this.work(scope, () => this.showScope(scope, within.success, named.success))
  }

  private showScope(
    scope: "mine" | "all",
    within: FeedScope,
    named: ReadonlyMap<OrderId, number>
  ): Effect.Effect<void> {
    const { feed, tail } = this.options
    return Effect.gen({ self: this }, function*() {
      const listening = this.listen(
        scope,
        (listener) => within._tag === "All" ? tail.listenToAll(listener) : tail.listenToUser(within.userId, listener)
      )
      const [newest, resumed] = yield* Effect.all([
        patiently(feed.newest(within)),
        named.size === 0 ? Effect.succeed([]) : patiently(feed.among(within, [...named.keys()]))
      ])
      // `among` was read last, so where an order is in both it knows more; the lost ones are shown wherever they stand.
      const known = new Map([...newest, ...resumed].map((order) => [order.orderId, order]))
      for (let nth = 0; nth < LOOKS; nth++) {
        const behind = [...known.values()].filter((order) => this.isBehind(order)).map(({ orderId }) => orderId)
        if (behind.length === 0) break
        const again = yield* patiently(feed.among(within, behind))
        for (const order of again) known.set(order.orderId, order)
      }
      const lost = new Set(
        [...known.values()].filter((order) => isLost(named.get(order.orderId), order)).map(({ orderId }) => orderId)
      )
      const shown = new Set([...newest.map(({ orderId }) => orderId), ...lost])
      this.options.say({
        type: "subscribed",
        data: {
          scope,
          orders: [...known.values()].filter(({ orderId }) => shown.has(orderId)).map((
            { orderId, status, version }
          ) => ({
            orderId,
            status,
            version,
            ...(lost.has(orderId) ? { resumed: false } : {})
          }))
        }
      })
      for (const { orderId, version } of known.values()) {
        const after = lost.has(orderId) ? version : named.get(orderId) ?? version
        this.cursors.open(orderId, { after, version, by: "scope" })
      }
      this.begin(scope, listening, newest[SCOPE_SIZE - 1]?.orderId ?? "")
    })
  }
}

const lower = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a

/** Behind what is kept, or ahead of what ever was: either way the promise can only begin at the snapshot. */
const isLost = (after: number | undefined, { oldestVersion, version }: FeedOrder): boolean =>
  after !== undefined && (after + 1 < oldestVersion || after > version)
