import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { STEPS } from "../OrderBook.ts"
import { usePage } from "../Page.ts"

/** Where an order is on its way. A cancelled one has no way to show: its reason says it. */
export const Timeline = ({ status }: { readonly status: OrderStatus }) => {
  const { words } = usePage().language
  const reached = STEPS.indexOf(status)
  if (reached < 0) return null
  return (
    <ol class="timeline" aria-label={words.steps}>
      {STEPS.map((step, index) => (
        <li
          key={step}
          class={index < reached ? "done" : index === reached ? "now" : "ahead"}
          aria-current={index === reached ? "step" : undefined}
        >
          <span>{words.statuses[step]}</span>
        </li>
      ))}
    </ol>
  )
}
