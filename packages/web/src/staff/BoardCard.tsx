import type { OrderView } from "@g-store/client/StoreApi.ts"
import type { StaffCancellationReason } from "@g-store/contracts/Order.ts"
import { useId, useState } from "preact/hooks"
import { isFinal, shortId, STEPS } from "../OrderBook.ts"
import { usePage } from "../Page.ts"
import { Dialog } from "../parts/Dialog.tsx"
import { Failure } from "../parts/Failure.tsx"
import { History } from "../parts/History.tsx"
import { useAction } from "../parts/useAction.ts"
import type { Board } from "./Board.ts"

const REASONS: ReadonlyArray<StaffCancellationReason> = ["OUT_OF_STOCK", "DELIVERY_UNAVAILABLE"]

interface Props {
  readonly order: OrderView
  readonly board: Board
}

/** One order on the board, with what staff may do to it. */
export const BoardCard = ({ board, order }: Props) => {
  const { language, money } = usePage()
  const { words } = language
  const [isAsking, setAsking] = useState(false)
  const id = shortId(order.id)
  const next = order.status === "PENDING" ? undefined : STEPS[STEPS.indexOf(order.status) + 1]
  const canMove = next !== undefined && !isFinal(order.status)
  const { error, isBusy, run } = useAction(async () => {
    if (next === undefined) return
    // What is on the screen is what was decided upon: a change in between is refused.
    await board.api.staff.move(order.id, next, { ifVersion: order.version }).finally(() =>
      board.readOrder(order.id).catch(() => board.following.readSoon())
    )
  })
  return (
    <li class="card small" data-order={order.id} aria-labelledby={`card-${id}`}>
      <header>
        <h3 id={`card-${id}`}>{order.description ?? words.order(id)}</h3>
        <strong class="amount">{money.format(order.amount, language.code.value)}</strong>
      </header>
      <p class="facts">
        <small>
          <code title={order.id}>…{id}</code> · {language.time(order.createdAt)}
        </small>
        <small>
          {words.user} <code title={order.userId}>…{shortId(order.userId)}</code>
        </small>
      </p>
      {order.cancellationReason === undefined ? null : <p class="reason">{words.reasons[order.cancellationReason]}</p>}
      <Failure error={error} />
      <div class="actions">
        {canMove
          ? (
            <button
              type="button"
              disabled={isBusy}
              aria-label={`${words.moves[next]}: ${id}`}
              onClick={() => void run()}
            >
              {words.moves[next]}
            </button>
          )
          : null}
        {isFinal(order.status) ? null : (
          <button
            type="button"
            class="quiet danger"
            aria-label={`${words.cancel}: ${id}`}
            onClick={() => setAsking(true)}
          >
            {words.cancel}
          </button>
        )}
      </div>
      <History id={order.id} version={order.version} read={board.api.orders.history} />
      {isAsking ? <Cancel order={order} board={board} close={() => setAsking(false)} /> : null}
    </li>
  )
}

const Cancel = ({ board, close, order }: Props & { readonly close: () => void }) => {
  const { words } = usePage().language
  const [reason, setReason] = useState<StaffCancellationReason>("OUT_OF_STOCK")
  const id = useId()
  const { error, isBusy, run } = useAction(async () => {
    await board.api.staff.cancel(order.id, reason)
    close()
    await board.readOrder(order.id).catch(() => board.following.readSoon())
  })
  return (
    <Dialog title={words.cancelTitle(shortId(order.id))} onClose={close}>
      <label for={id}>{words.cancelReason}</label>
      <select
        id={id}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value as StaffCancellationReason)}
      >
        {REASONS.map((one) => <option key={one} value={one}>{words.reasons[one]}</option>)}
      </select>
      <Failure error={error} />
      <div class="choices">
        <button type="button" onClick={close}>{words.keep}</button>
        <button type="button" class="danger solid" disabled={isBusy} onClick={() => void run()}>
          {words.yesCancel}
        </button>
      </div>
    </Dialog>
  )
}
