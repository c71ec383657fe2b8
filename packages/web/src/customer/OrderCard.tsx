import type { OrderView } from "@g-store/client/StoreApi.ts"
import { useState } from "preact/hooks"
import { isFinal, shortId } from "../OrderBook.ts"
import { usePage } from "../Page.ts"
import { Dialog } from "../parts/Dialog.tsx"
import { Failure } from "../parts/Failure.tsx"
import { History } from "../parts/History.tsx"
import { Timeline } from "../parts/Timeline.tsx"
import { useAction } from "../parts/useAction.ts"
import type { Shop } from "./Shop.ts"

interface Props {
  readonly order: OrderView
  readonly shop: Shop
}

/** One order, live. */
export const OrderCard = ({ order, shop }: Props) => {
  const { language, money } = usePage()
  const { words } = language
  const [isAsking, setAsking] = useState(false)
  const id = shortId(order.id)
  return (
    <li class={`card order order-${order.status.toLowerCase()}`} aria-labelledby={`order-${id}`} data-order={order.id}>
      <header>
        <h3 id={`order-${id}`}>{order.description ?? words.order(id)}</h3>
        <strong class="amount">{money.format(order.amount, language.code.value)}</strong>
      </header>
      <p class="facts">
        <span class={`badge badge-${order.status.toLowerCase()}`}>{words.statuses[order.status]}</span>
        <small>
          <code title={order.id}>…{id}</code> · {language.time(order.createdAt)}
        </small>
      </p>
      {order.cancellationReason === undefined ? null : <p class="reason">{words.reasons[order.cancellationReason]}</p>}
      <Timeline status={order.status} />
      <footer>
        <History id={order.id} version={order.version} read={shop.api.orders.history} />
        {isFinal(order.status) ?
          null :
          (
            <button
              type="button"
              class="quiet danger"
              onClick={() => setAsking(true)}
            >
              {words.cancel}
            </button>
          )}
      </footer>
      {isAsking
        ? (
          <Cancel
            order={order}
            shop={shop}
            close={() => setAsking(false)}
          />
        )
        : null}
    </li>
  )
}

const Cancel = ({ close, order, shop }: Props & { readonly close: () => void }) => {
  const { words } = usePage().language
  const { error, isBusy, run } = useAction(async () => {
    await shop.api.orders.cancel(order.id)
    close()
    await shop.readOrder(order.id).catch(() => shop.following.readSoon())
  })
  return (
    <Dialog title={words.cancelTitle(shortId(order.id))} onClose={close}>
      <p>{words.cancelText}</p>
      <Failure error={error} />
      <div class="choices">
        <button type="button" autofocus onClick={close}>{words.keep}</button>
        <button type="button" class="danger solid" disabled={isBusy} onClick={() => void run()}>
          {words.yesCancel}
        </button>
      </div>
    </Dialog>
  )
}
