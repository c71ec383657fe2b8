import type { Connected } from "../Following.ts"
import { usePage } from "../Page.ts"

/** Whether what is shown is live, in words. */
export const Connection = ({ reason, state }: Connected) => {
  const { words } = usePage().language
  return (
    <p class={`connection connection-${state}`} role="status" title={reason}>
      <span class="dot" aria-hidden="true" />
      {words.connection[state]}
      {state === "closed" && reason !== undefined ? `: ${reason}` : ""}
    </p>
  )
}
