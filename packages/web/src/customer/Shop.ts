import type { OrderUpdate } from "@g-store/client/OrderUpdates.ts"
import { type AccountView, makeStoreApi, StoreProblem, type TransactionView } from "@g-store/client/StoreApi.ts"
import { signal } from "@preact/signals"
import { Following } from "../Following.ts"
import { OrderBook } from "../OrderBook.ts"
import { makeRemote } from "../Remote.ts"
import type { Session, Sessions } from "../Sessions.ts"
import type { Settings } from "../Settings.ts"

interface StatementPage {
  readonly transactions: ReadonlyArray<TransactionView>
  readonly nextCursor?: string
}

/** `none`: the customer has not opened an account yet. */
type OwnAccount = AccountView | "none"

const PAGE = 20
const STATEMENT_PAGE = 5

/** Everything that one customer sees and does. */
export class Shop {
  readonly book = new OrderBook()
  readonly account = makeRemote<OwnAccount>()
  readonly list = makeRemote<{ readonly nextCursor: string | undefined }>()
  readonly statement = makeRemote<StatementPage>()
  /** The cursors of the statement's pages up to the one shown; the first is empty. */
  readonly pages = signal<ReadonlyArray<string>>([""])
  readonly following: Following
  readonly api

  constructor(settings: Settings, sessions: Sessions, session: Session, onUpdate: (update: OrderUpdate) => void) {
    this.api = makeStoreApi({ baseUrl: settings.gateway, token: () => sessions.token() })
    this.following = new Following({
      settings,
      sessions,
      session,
      scope: "mine",
      book: this.book,
      reload: async () => {
        const [isRead] = await Promise.all([this.readOrders(), this.readAccount()])
        return isRead
      },
      onUpdate: (update) => {
        // Money moves with these two.
        if (update.type === "order.cancelled" || update.data.status === "PAID") void this.readAccount()
        onUpdate(update)
      }
    })
  }

  async readAccount(): Promise<void> {
    await this.account.load(() => this.api.accounts.mine().catch(noneYet))
    await this.readStatement()
  }

  async readStatement(pages: ReadonlyArray<string> = this.pages.peek()): Promise<void> {
    const account = this.account.state.peek().value
    if (account === undefined || account === "none") return
    const cursor = pages.at(-1) ?? ""
    const isRead = await this.statement.load(() =>
      this.api.accounts.transactions(account.id, { limit: STATEMENT_PAGE, ...(cursor === "" ? {} : { cursor }) })
    )
    if (isRead) this.pages.value = pages
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
    this.following.close()
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
