import type { OrderView } from "@g-store/client/StoreApi.ts"
import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { useState } from "preact/hooks"
import { usePage } from "../Page.ts"
import { type Board, COLUMN } from "./Board.ts"
import { BoardCard } from "./BoardCard.tsx"

interface Props {
  readonly status: OrderStatus
  readonly orders: ReadonlyArray<OrderView>
  readonly board: Board
  /** The store has more orders of this status than were read. */
  readonly hasMore: boolean
}

/** The orders of one status, the newest first. */
export const Column = ({ board, hasMore, orders, status }: Props) => {
  const { words } = usePage().language
  const [shown, setShown] = useState(COLUMN)
  const more = () => {
    setShown(shown + COLUMN)
    if (hasMore && orders.length < shown + COLUMN) void board.readMore(status)
  }
  const id = `column-${status.toLowerCase()}`
  return (
    <section class={`column ${id}`} aria-labelledby={id}>
      <h2 id={id}>
        {words.statuses[status]} <span class="tally">{words.count(orders.length, hasMore)}</span>
      </h2>
      {orders.length === 0 ? <p class="empty">{words.empty}</p> : null}
      <ul>
        {orders.slice(0, shown).map((order) => <BoardCard key={order.id} order={order} board={board} />)}
      </ul>
      {orders.length > shown || (hasMore && orders.length > 0)
        ? <button type="button" class="quiet more" onClick={more}>{words.showMore}</button>
        : null}
    </section>
  )
}
