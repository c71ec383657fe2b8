import { useState } from "preact/hooks"
import { shortId } from "../OrderBook.ts"
import { usePage } from "../Page.ts"
import { AmountForm } from "../parts/AmountForm.tsx"
import { useKeyOf } from "../parts/useKeyOf.ts"
import type { Shop } from "./Shop.ts"

/** Buys something. */
export const PlaceOrder = ({ shop }: { readonly shop: Shop }) => {
  const { language, money, notices } = usePage()
  const { words } = language
  const [description, setDescription] = useState("")
  const once = useKeyOf()
  const place = async (amount: number) => {
    const what = description.trim()
    const order = what === "" ? { amount } : { amount, description: what }
    const { orderId } = await once(
      JSON.stringify(order),
      (idempotencyKey) => shop.api.orders.create(order, { idempotencyKey })
    )
    setDescription("")
    notices.say({ text: words.orderPlaced(shortId(orderId)), kind: "good", closeLabel: words.close, about: orderId })
    // The order is placed whether or not it can be read now; the socket brings it too.
    await shop.readOrder(orderId).catch(() => shop.following.readSoon())
  }
  return (
    <section class="card" aria-labelledby="place">
      <h2 id="place">{words.newOrder}</h2>
      <AmountForm label={words.orderAmount(money.sign(language.code.value))} action={words.buy} submit={place} primary>
        <label for="what">
          {words.description} <span class="muted">({words.optional})</span>
        </label>
        <input
          id="what"
          maxLength={500}
          autocomplete="off"
          value={description}
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </AmountForm>
    </section>
  )
}
