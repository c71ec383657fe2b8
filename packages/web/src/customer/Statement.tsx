import { shortId } from "../OrderBook.ts"
import { usePage } from "../Page.ts"
import { Failure } from "../parts/Failure.tsx"
import type { Shop } from "./Shop.ts"

/** What moved on the account, a page at a time. */
export const Statement = ({ shop }: { readonly shop: Shop }) => {
  const { language, money } = usePage()
  const { words } = language
  const code = language.code.value
  const { error, value } = shop.statement.state.value
  const pages = value?.pages ?? [""]
  const older = value?.nextCursor
  return (
    <details class="statement" open={matchMedia("(min-width: 60rem)").matches}>
      <summary>{words.statement}</summary>
      <Failure error={error} retry={() => void shop.readStatement()} />
      {value === undefined && error === undefined ? <p class="loading">{words.loading}</p> : null}
      {value?.transactions.length === 0 ? <p class="muted">{words.noTransactions}</p> : null}
      <ul class="entries">
        {value?.transactions.map((entry) => (
          <li key={entry.id}>
            <span>
              {words.transactions[entry.type]} {entry.orderId === undefined ? null : (
                <>
                  <code>…{shortId(entry.orderId)}</code>
                </>
              )}
              <small>{language.time(entry.createdAt)}</small>
            </span>
            <span class="moved">
              <b class={entry.direction === "IN" ? "in" : "out"}>
                {entry.direction === "IN" ? "+" : "−"}
                {money.format(entry.amount, code)}
              </b>
              <small>{words.balanceAfter(money.format(entry.balanceAfter, code))}</small>
            </span>
          </li>
        ))}
      </ul>
      {pages.length === 1 && older === undefined ? null : (
        <div class="pager">
          <button
            type="button"
            class="quiet"
            disabled={pages.length === 1}
            onClick={() => void shop.readStatement(pages.slice(0, -1))}
          >
            {words.newer}
          </button>
          <span class="muted">{words.pageNumber(pages.length)}</span>
          <button
            type="button"
            class="quiet"
            disabled={older === undefined}
            onClick={() => void shop.readStatement([...pages, older ?? ""])}
          >
            {words.older}
          </button>
        </div>
      )}
    </details>
  )
}
