import { useEffect, useMemo } from "preact/hooks"
import { shortId, statusOf } from "../OrderBook.ts"
import { usePage } from "../Page.ts"
import { Connection } from "../parts/Connection.tsx"
import { Failure } from "../parts/Failure.tsx"
import { SignedIn } from "../parts/SignedIn.tsx"
import type { Session } from "../Sessions.ts"
import { Account } from "./Account.tsx"
import { OrderCard } from "./OrderCard.tsx"
import { PlaceOrder } from "./PlaceOrder.tsx"
import { Shop } from "./Shop.ts"

/** A customer's page: money on one side, orders on the other. */
export const CustomerView = ({ session }: { readonly session: Session }) => {
  const page = usePage()
  const { words } = page.language
  const shop = useMemo(() =>
    new Shop(page.settings, page.customers, (update) => {
      const now = page.language.words
      const { orderId, version } = update.data
      const id = shortId(orderId)
      const status = now.statuses[statusOf(update)]
      const isBad = update.type === "order.cancelled"
      const text = isBad
        ? now.changedBecause(id, status, now.reasons[update.data.reason])
        : version === 1
        ? now.orderPlaced(id)
        : now.changed(id, status)
      page.notices.say({ text, kind: isBad ? "bad" : "news", closeLabel: now.close, about: orderId })
    }), [session.userId])
  useEffect(() => () => shop.close(), [shop])
  const orders = shop.book.orders.value
  const { error, isLoading, value } = shop.list.state.value
  return (
    <>
      <div class="bar">
        <h1>{words.shop}</h1>
        <Connection {...shop.following.connection.value} />
        <SignedIn sessions={page.customers} session={session} />
      </div>
      <div class="columns">
        <div class="side">
          <PlaceOrder shop={shop} />
          <Account shop={shop} />
        </div>
        <section aria-labelledby="orders">
          <div class="heading">
            <h2 id="orders">{words.orders}</h2>
            <Notify />
          </div>
          <Failure error={error} retry={() => void shop.following.read()} />
          {orders.length > 0
            ? <ul class="orders">{orders.map((order) => <OrderCard key={order.id} order={order} shop={shop} />)}</ul>
            : isLoading
            ? <p class="loading">{words.loading}</p>
            : error === undefined
            ? <p class="empty">{words.noOrders}</p>
            : null}
          {value?.nextCursor === undefined ?
            null :
            (
              <button type="button" class="quiet more" disabled={isLoading} onClick={() => void shop.readOlder()}>
                {words.moreOrders}
              </button>
            )}
        </section>
      </div>
    </>
  )
}

const Notify = () => {
  const { language: { words }, notices } = usePage()
  const permission = notices.permission.value
  if (permission === "unsupported") return null
  if (permission === "denied") return <small class="muted">{words.notifyDenied}</small>
  const isOn = notices.wanted.value && permission === "granted"
  return (
    <button type="button" class="quiet" aria-pressed={isOn} onClick={() => void notices.toggle()}>
      {isOn ? words.notifyOn : words.notify}
    </button>
  )
}
