import { useEffect, useMemo, useState } from "preact/hooks"
import { usePage } from "../Page.ts"
import { Connection } from "../parts/Connection.tsx"
import { Failure } from "../parts/Failure.tsx"
import { SignedIn } from "../parts/SignedIn.tsx"
import { useAction } from "../parts/useAction.ts"
import type { Session } from "../Sessions.ts"
import { Board, COLUMNS } from "./Board.ts"
import { Column } from "./Column.tsx"
import { EventLog } from "./EventLog.tsx"

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The staff's page: everybody's orders by status, and what happens to them. */
export const BoardView = ({ session }: { readonly session: Session }) => {
  const page = usePage()
  const { words } = page.language
  const board = useMemo(() => new Board(page.settings, page.staff), [session.userId])
  useEffect(() => () => board.close(), [board])
  const [search, setSearch] = useState("")
  const wanted = search.trim().toLowerCase()
  const find = useAction((id: string) => board.find(id))
  useEffect(() => {
    if (UUID.test(wanted)) void find.run(wanted)
  }, [wanted])
  const all = board.book.orders.value
  const orders = wanted === "" ? all : all.filter(({ id, userId }) => id.includes(wanted) || userId.includes(wanted))
  const { error, isLoading } = board.list.state.value
  return (
    <>
      <div class="bar">
        <h1>{words.board}</h1>
        <Connection {...board.following.connection.value} />
        <SignedIn sessions={page.staff} session={session} />
      </div>
      <div class="search">
        <label for="search">{words.search}</label>
        <input
          id="search"
          type="search"
          spellcheck={false}
          autocomplete="off"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      </div>
      <Failure error={error} retry={() => void board.following.read()} />
      <Failure error={find.error} />
      <p class="search-result muted" role="status">
        {wanted !== "" && orders.length === 0 && !find.isBusy ? words.noMatches : ""}
        {all.length === 0 && isLoading ? words.loading : ""}
      </p>
      <div class="board" role="region" aria-label={words.board} tabIndex={0}>
        {COLUMNS.map((status) => (
          <Column
            key={status}
            status={status}
            board={board}
            orders={orders.filter((order) => order.status === status)}
            hasMore={wanted === "" && board.cursors.value[status] !== undefined}
          />
        ))}
      </div>
      <EventLog updates={board.log.value} />
    </>
  )
}
