import type { HistoryView } from "@g-store/client/StoreApi.ts"
import { useEffect, useMemo, useState } from "preact/hooks"
import { usePage } from "../Page.ts"
import { makeRemote } from "../Remote.ts"
import { Failure } from "./Failure.tsx"

interface Props {
  readonly id: string
  readonly version: number
  readonly read: (id: string) => Promise<{ readonly entries: ReadonlyArray<HistoryView> }>
}

/** What happened to an order and by whom; read when somebody wants to know, and again when the order changes. */
export const History = ({ id, read, version }: Props) => {
  const { language } = usePage()
  const { words } = language
  const [isOpen, setOpen] = useState(false)
  const remote = useMemo(() => makeRemote<ReadonlyArray<HistoryView>>(), [id])
  const load = () => void remote.load(() => read(id).then(({ entries }) => entries))
  useEffect(() => {
    if (isOpen) load()
  }, [isOpen, version])
  const { error, value } = remote.state.value
  return (
    <details class="history" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words.history}</summary>
      <Failure error={error} retry={load} />
      {isOpen && value === undefined && error === undefined ? <p class="loading">{words.loading}</p> : null}
      <ol>
        {value?.map((entry) => (
          <li key={entry.version}>
            <b>{words.statuses[entry.status]}</b> {words.by(words.actors[entry.actor.type])}
            {entry.reason === undefined ? null : <>: {words.reasons[entry.reason]}</>}
            <small>{language.time(entry.occurredAt)}</small>
          </li>
        ))}
      </ol>
    </details>
  )
}
