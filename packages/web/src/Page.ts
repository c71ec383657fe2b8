import { createContext } from "preact"
import { useContext } from "preact/hooks"
import type { Language } from "./Language.ts"
import type { Money } from "./Money.ts"
import type { Notices } from "./Notices.ts"
import type { Sessions } from "./Sessions.ts"
import type { Settings } from "./Settings.ts"

/** What every part of the page may use. */
export interface Page {
  readonly settings: Settings
  readonly language: Language
  readonly money: Money
  readonly notices: Notices
  readonly customers: Sessions
  readonly staff: Sessions
}

export const PageContext = createContext<Page | undefined>(undefined)

export const usePage = (): Page => {
  const page = useContext(PageContext)
  if (page === undefined) throw new Error("usePage() outside of PageContext")
  return page
}
