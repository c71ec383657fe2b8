import { useState } from "preact/hooks"
import { usePage } from "../Page.ts"
import { Failure } from "../parts/Failure.tsx"
import { useAction } from "../parts/useAction.ts"

/** Asks for the key of the store's staff. */
export const StaffSignIn = () => {
  const { language: { words }, staff } = usePage()
  const [key, setKey] = useState("")
  const { error, isBusy, run } = useAction(() => staff.signInAsStaff(key.trim()))
  return (
    <section class="card welcome">
      <h1>{words.staffTitle}</h1>
      <p class="muted">{words.staffText}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void run()
        }}
      >
        <label for="key">{words.staffKey}</label>
        <input
          id="key"
          type="password"
          required
          autocomplete="off"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={isBusy}>{words.staffEnter}</button>
        <Failure error={error} />
      </form>
    </section>
  )
}
