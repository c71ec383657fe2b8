import type { AccountView } from "@g-store/client/StoreApi.ts"
import { usePage } from "../Page.ts"
import { AmountForm } from "../parts/AmountForm.tsx"
import { Failure } from "../parts/Failure.tsx"
import { useAction } from "../parts/useAction.ts"
import { useKeyOf } from "../parts/useKeyOf.ts"
import type { Shop } from "./Shop.ts"
import { Statement } from "./Statement.tsx"

/** The customer's money. */
export const Account = ({ shop }: { readonly shop: Shop }) => {
  const { words } = usePage().language
  const { error, value } = shop.account.state.value
  return (
    <section class="card" aria-labelledby="account">
      <h2 id="account">{words.account}</h2>
      <Failure error={error} retry={() => void shop.readAccount()} />
      {value === undefined
        ? error === undefined ? <p class="loading">{words.loading}</p> : null
        : value === "none"
        ? <NoAccount shop={shop} />
        : <Open shop={shop} account={value} />}
    </section>
  )
}

const NoAccount = ({ shop }: { readonly shop: Shop }) => {
  const { language: { words }, notices } = usePage()
  const { error, isBusy, run } = useAction(async () => {
    await shop.api.accounts.open()
    notices.say({ text: words.accountOpened, kind: "good", closeLabel: words.close, about: "account" })
    await shop.readAccount()
  })
  return (
    <>
      <p class="muted">{words.noAccount}</p>
      <button type="button" class="primary" disabled={isBusy} onClick={() => void run()}>{words.openAccount}</button>
      <Failure error={error} />
    </>
  )
}

const Open = ({ account, shop }: { readonly account: AccountView; readonly shop: Shop }) => {
  const { language, money, notices } = usePage()
  const { words } = language
  const once = useKeyOf()
  const code = language.code.value
  return (
    <>
      <p class="balance" aria-live="polite">
        <span class="muted">{words.balance}</span> <strong>{money.format(account.balance, code)}</strong>
      </p>
      <AmountForm
        label={words.topUpAmount(money.sign(code))}
        action={words.topUp}
        submit={async (amount) => {
          await once(
            String(amount),
            (idempotencyKey) => shop.api.accounts.topUp(account.id, amount, { idempotencyKey })
          )
          const text = words.toppedUp(money.format(amount, code))
          notices.say({ text, kind: "good", closeLabel: words.close, about: "account" })
          await shop.readAccount()
        }}
      />
      <Statement shop={shop} />
    </>
  )
}
