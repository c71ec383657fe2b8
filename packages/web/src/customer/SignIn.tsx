import { useState } from "preact/hooks"
import { shortId } from "../OrderBook.ts"
import { usePage } from "../Page.ts"
import { Failure } from "../parts/Failure.tsx"
import { useAction } from "../parts/useAction.ts"
import type { TokenFault } from "../Sessions.ts"

/** Who are you? New, somebody from before, or the owner of a token. */
export const SignIn = () => {
  const { customers, language: { words } } = usePage()
  const [token, setToken] = useState("")
  const [fault, setFault] = useState<TokenFault | undefined>(undefined)
  const { error, isBusy, run } = useAction((userId?: string) => customers.signIn(userId))
  return (
    <section class="card welcome">
      <h1>{words.signInTitle}</h1>
      {customers.isOver.value ? <p class="failure" role="alert">{words.sessionOver}</p> : null}
      <p class="muted">{words.signInText}</p>
      <button type="button" class="primary" disabled={isBusy} onClick={() => void run()}>{words.newCustomer}</button>
      <Failure error={error} />
      {customers.remembered.length === 0 ? null : (
        <>
          <h2>{words.remembered}</h2>
          <ul class="people">
            {customers.remembered.map((id) => (
              <li key={id}>
                <button type="button" disabled={isBusy} onClick={() => void run(id)}>
                  <code>…{shortId(id)}</code>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <details>
        <summary>{words.pasteTitle}</summary>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            setFault(customers.signInWithToken(token))
          }}
        >
          <label for="token">{words.token}</label>
          <textarea
            id="token"
            rows={3}
            required
            spellcheck={false}
            autocomplete="off"
            value={token}
            aria-describedby={fault === undefined ? undefined : "token-fault"}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
          {fault === undefined ? null : <p id="token-fault" class="fault" role="alert">{words[fault]}</p>}
          <button type="submit">{words.useToken}</button>
        </form>
      </details>
    </section>
  )
}
