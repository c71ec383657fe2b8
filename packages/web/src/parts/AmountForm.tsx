import type { ComponentChildren } from "preact"
import { useId, useState } from "preact/hooks"
import { usePage } from "../Page.ts"
import { Failure } from "./Failure.tsx"
import { useAction } from "./useAction.ts"

interface Props {
  readonly label: string
  readonly action: string
  readonly submit: (amount: number) => Promise<void>
  readonly children?: ComponentChildren
  readonly primary?: boolean
}

/** A form around an amount of money, which is checked before anything is sent. */
export const AmountForm = ({ action, children, label, primary, submit }: Props) => {
  const { language: { words }, money } = usePage()
  const [text, setText] = useState("")
  const [isInvalid, setInvalid] = useState(false)
  const id = useId()
  const { error, isBusy, run } = useAction(async (amount: number) => {
    await submit(amount)
    setText("")
  })
  const send = (event: Event) => {
    event.preventDefault()
    const amount = money.parse(text)
    setInvalid(amount === undefined)
    if (amount !== undefined) void run(amount)
  }
  return (
    <form onSubmit={send} noValidate aria-busy={isBusy}>
      <label for={id}>{label}</label>
      <input
        id={id}
        inputMode="decimal"
        autocomplete="off"
        value={text}
        aria-invalid={isInvalid}
        aria-describedby={isInvalid ? `${id}-fault` : undefined}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {isInvalid ? <p id={`${id}-fault`} class="fault" role="alert">{words.amountInvalid}</p> : null}
      {children}
      <button type="submit" class={primary === true ? "primary" : ""} disabled={isBusy}>{action}</button>
      <Failure error={error} />
    </form>
  )
}
