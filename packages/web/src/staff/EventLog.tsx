import type { OrderUpdate } from "@g-store/client/OrderUpdates.ts"
import { shortId, statusOf } from "../OrderBook.ts"
import { usePage } from "../Page.ts"

/** What happens, as it happens. */
export const EventLog = ({ updates }: { readonly updates: ReadonlyArray<OrderUpdate> }) => {
  const { language } = usePage()
  const { words } = language
  return (
    <section class="card" aria-labelledby="log">
      <h2 id="log">{words.eventLog}</h2>
      {updates.length === 0 ? <p class="empty">{words.noEvents}</p> : null}
      <div class="log" role="log" aria-labelledby="log" tabIndex={0}>
        <ol>
          {updates.map((update) => (
            <li key={`${update.data.orderId} ${update.data.version}`}>
              <time dateTime={update.data.occurredAt}>{language.clock(update.data.occurredAt)}</time>
              <code title={update.data.orderId}>…{shortId(update.data.orderId)}</code>
              <span>
                {words.statuses[statusOf(update)]}
                {update.type === "order.cancelled" ? `. ${words.reasons[update.data.reason]}` : ""}
              </span>
              <small class="muted">{words.version(update.data.version)}</small>
            </li>
          ))}
        </ol>
      </div>
    </section>
  )
}
