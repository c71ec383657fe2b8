import { usePage } from "../Page.ts"
import { wordsOf } from "../Remote.ts"

interface Props {
  readonly error: unknown
  readonly retry?: () => void
}

/** What went wrong, in words; read out at once. */
export const Failure = ({ error, retry }: Props) => {
  const { words } = usePage().language
  if (error === undefined) return null
  const { text, traceId } = wordsOf(error, words)
  return (
    <div class="failure" role="alert">
      <p>{text}</p>
      {traceId === undefined ? null : (
        <p class="trace">
          {words.trace} <code>{traceId}</code>
        </p>
      )}
      {retry === undefined ? null : <button type="button" class="quiet" onClick={retry}>{words.tryAgain}</button>}
    </div>
  )
}
