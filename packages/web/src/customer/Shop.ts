import type { OrderUpdate } from "@g-store/client/OrderUpdates.ts"
import { type AccountView, makeStoreApi, StoreProblem, type TransactionView } from "@g-store/client/StoreApi.ts"
import { Following } from "../Following.ts"
import { OrderBook } from "../OrderBook.ts"
import { makeRemote } from "../Remote.ts"
import type { Sessions } from "../Sessions.ts"
import type { Settings } from "../Settings.ts"

interface StatementPage {
  readonly transactions: ReadonlyArray<TransactionView>
  readonly nextCursor?: string
  /** The cursors of the pages up to this one; the first is empty. */
  readonly pages: ReadonlyArray<string>
}

/** `none`: the customer has not opened an account yet. */
type OwnAccount = AccountView | "none"

const PAGE = 20
const STATEMENT_PAGE = 5
/** With growing pauses between them, about 50 seconds. */
const REFUND_LOOKS = 20

/** Everything that one customer sees and does. */
export class Shop {
  readonly book = new OrderBook()
  readonly account = makeRemote<OwnAccount>()
  readonly list = makeRemote<{ readonly nextCursor: string | undefined }>()
  readonly statement = makeRemote<StatementPage>()
  /** The cursors of its pages up to the one asked for last: what is read anew meanwhile must not turn it back. */
  private pages: ReadonlyArray<string> = [""]
  readonly following: Following
  private isClosed = false
  readonly api

  constructor(settings: Settings, sessions: Sessions, onUpdate: (update: OrderUpdate) => void) {
    this.api = makeStoreApi({ baseUrl: settings.gateway, token: () => sessions.token(), fetch: sessions.fetch })
    this.following = new Following({
      settings,
      sessions,
      scope: "mine",
      book: this.book,
      reload: async () => {
        const [isRead] = await Promise.all([this.readOrders(), this.readAccount()])
        return isRead
      },
      onUpdate: (update) => {
        if (update.type === "order.cancelled") void this.awaitRefund(update.data.orderId)
        else if (update.data.status === "PAID") void this.readAccount()
        onUpdate(update)
      }
    })
  }

  async readAccount(): Promise<void> {
    await this.account.load(() => this.api.accounts.mine().catch(noneYet))
    await this.readStatement()
  }

  async readStatement(pages: ReadonlyArray<string> = this.pages): Promise<void> {
    this.pages = pages
    const account = this.account.state.peek().value
    if (account === undefined || account === "none") return
    const cursor = pages.at(-1) ?? ""
    await this.statement.load(async () => {
      const at = { limit: STATEMENT_PAGE, ...(cursor === "" ? {} : { cursor }) }
      return { ...await this.api.accounts.transactions(account.id, at), pages }
    })
  }

  async readOlder(): Promise<void> {
    const cursor = this.list.state.peek().value?.nextCursor
    if (cursor !== undefined) await this.readOrders(cursor)
  }

  /** One order anew: what an action just did to it need not wait for the socket. */
  async readOrder(id: string): Promise<void> {
    this.book.put([await this.api.orders.get(id)])
  }

  close(): void {
    this.isClosed = true
    this.following.close()
  }

  /** A cancelled order's money comes back a moment later, and no event tells when: asked for until it is settled. */
  private async awaitRefund(orderId: string): Promise<void> {
    await this.readAccount()
    for (let nth = 1; nth <= REFUND_LOOKS && !this.isClosed; nth++) {
      const state = await this.api.accounts.payment(orderId).then((payment) => payment.state, () => undefined)
      if (state !== undefined && state !== "CHARGED") {
        return nth === 1 && state !== "REFUNDED"
          ? undefined
          : this.readAccount()
      }
      await new Promise((resolve) => setTimeout(resolve, 250 * nth))
    }
  }

  private readOrders(cursor = ""): Promise<boolean> {
    return this.list.load(async () => {
      const { nextCursor, orders } = await this.api.orders.list({ cursor, limit: PAGE })
      this.book.put(orders)
      return { nextCursor }
    })
  }
}

const noneYet = (error: unknown): "none" => {
  if (error instanceof StoreProblem && error.type === "urn:g-store:account-not-found") return "none"
  throw error
}
