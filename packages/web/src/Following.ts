import type { ConnectionState } from "@g-store/client/Connection.ts"
import { type OrderUpdate, OrderUpdates } from "@g-store/client/OrderUpdates.ts"
import { signal } from "@preact/signals"
import type { OrderBook } from "./OrderBook.ts"
import type { Sessions } from "./Sessions.ts"
import type { Settings } from "./Settings.ts"

export interface Connected {
  readonly state: ConnectionState
  readonly reason: string | undefined
}

export interface FollowingOptions {
  readonly settings: Settings
  readonly sessions: Sessions
  readonly scope: "mine" | "all"
  readonly book: OrderBook
  /** Reads everything anew into the book; its own errors are shown by the owner. */
  readonly reload: () => Promise<boolean>
  readonly onUpdate: (update: OrderUpdate) => void
}

/** While the socket stands, a read that failed is tried again by itself. */
const FAILED_MILLIS = 3_000

/** Keeps a book of orders true: reads it through the API, follows it over the socket, reads again what was missed. */
export class Following {
  readonly connection = signal<Connected>({ state: "connecting", reason: undefined })
  private readonly options: FollowingOptions
  private readonly updates: OrderUpdates
  private subscribed = false
  private isClosed = false
  private stale = true
  private reading: Promise<void> | undefined
  private soon: ReturnType<typeof setTimeout> | undefined

  constructor(options: FollowingOptions) {
    this.options = options
    this.updates = new OrderUpdates({
      url: options.settings.socket,
      token: () => options.sessions.token(),
      onState: (state, reason) => this.become(state, reason)
    })
    void this.read()
  }

  /** Reads everything anew, once at a time. */
  read(): Promise<void> {
    this.reading ??= this.options.reload().then((isRead) => {
      this.reading = undefined
      this.stale = !isRead
      if (isRead) this.subscribe()
      else if (this.connection.peek().state === "open") this.readSoon(FAILED_MILLIS)
    })
    return this.reading
  }

  /** Many orders may come at once: they are read together. */
  readSoon(millis = 250): void {
    if (this.isClosed) return
    this.soon ??= setTimeout(() => {
      this.soon = undefined
      void this.read()
    }, millis)
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.soon)
    this.updates.close()
  }

  private subscribe(): void {
    if (this.subscribed) return
    this.subscribed = true
    const { book, onUpdate, scope } = this.options
    this.updates.subscribe({ scope, versions: book.versions() }, {
      onUpdate: (update) => {
        if (!book.apply(update)) this.readSoon()
        onUpdate(update)
      },
      onSnapshot: (orders) => {
        if (orders.some(({ orderId, version }) => !book.has(orderId, version))) this.readSoon()
      },
      onRefused: ({ message }) => this.connection.value = { state: "closed", reason: message }
    })
  }

  private become(state: ConnectionState, reason: string | undefined): void {
    this.connection.value = { state, reason }
    if (state === "waiting") this.stale = true
    if (state === "open" && this.stale && this.subscribed) void this.read()
    else if (state === "open" && this.stale) this.readSoon()
  }
}
