import { shortId } from "../OrderBook.ts"
import { usePage } from "../Page.ts"
import type { Session, Sessions } from "../Sessions.ts"

/** Who this tab is, and the way out. */
export const SignedIn = ({ session, sessions }: { readonly session: Session; readonly sessions: Sessions }) => {
  const { words } = usePage().language
  return (
    <p class="who">
      <small class="muted">
        {words.signedInAs} <code title={session.userId}>…{shortId(session.userId)}</code>
      </small>
      <button type="button" class="quiet" onClick={() => sessions.signOut()}>{words.signOut}</button>
    </p>
  )
}
