import type { OrderUpdate } from "@g-store/client/OrderUpdates.ts"
import { makeStoreApi } from "@g-store/client/StoreApi.ts"
import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { signal } from "@preact/signals"
import { Following } from "../Following.ts"
import { OrderBook, STEPS } from "../OrderBook.ts"
import { makeRemote } from "../Remote.ts"
import type { Sessions } from "../Sessions.ts"
import type { Settings } from "../Settings.ts"

export const COLUMNS: ReadonlyArray<OrderStatus> = [...STEPS, "CANCELLED"]

/** How many orders a column shows at first and with each "more". */
export const COLUMN = 20
const LOGGED = 100
const OVER = 400

type Cursors = Readonly<Partial<Record<OrderStatus, string | undefined>>>

/** Everything that staff see and do. */
export class Board {
  readonly book = new OrderBook()
  readonly list = makeRemote<true>()
  /** Where each status goes on; absent when all of its orders are here. */
  readonly cursors = signal<Cursors>({})
  /** The newest first. */
  readonly log = signal<ReadonlyArray<OrderUpdate>>([])
  readonly following: Following
  readonly api

  constructor(settings: Settings, sessions: Sessions) {
    this.api = makeStoreApi({ baseUrl: settings.gateway, token: () => sessions.token(), fetch: sessions.fetch })
    this.following = new Following({
      settings,
      sessions,
      scope: "all",
      book: this.book,
      reload: () => this.readAll(),
      onUpdate: (update) => {
        this.log.value = [update, ...this.log.value].slice(0, LOGGED)
        this.book.forget(OVER)
      }
    })
  }

  async readMore(status: OrderStatus): Promise<void> {
    await this.list.load(async () => {
      await this.readColumn(status, this.cursors.peek()[status])
      return true
    })
  }

  /** Reads what a search names in full: an order or a user that may not be on the board. */
  async find(id: string): Promise<void> {
    const [order, ofUser] = await Promise.allSettled([
      this.api.orders.get(id),
      this.api.staff.list({ userId: id, limit: 50 })
    ])
    if (order.status === "fulfilled") this.book.put([order.value])
    if (ofUser.status === "fulfilled") this.book.put(ofUser.value.orders)
    if (ofUser.status === "rejected") throw ofUser.reason
  }

  async readOrder(id: string): Promise<void> {
    this.book.put([await this.api.orders.get(id)])
  }

  close(): void {
    this.following.close()
  }

  private readAll(): Promise<boolean> {
    return this.list.load(async () => {
      await Promise.all(COLUMNS.map((status) => this.readColumn(status, undefined)))
      return true
    })
  }

  private async readColumn(status: OrderStatus, cursor: string | undefined): Promise<void> {
    const { nextCursor, orders } = await this.api.staff.list({ status, cursor, limit: COLUMN })
    this.book.put(orders)
    this.cursors.value = { ...this.cursors.peek(), [status]: nextCursor }
  }
}
