import { signal } from "@preact/signals"
import { useEffect, useMemo } from "preact/hooks"
import { CustomerView } from "./customer/CustomerView.tsx"
import { SignIn } from "./customer/SignIn.tsx"
import { type LanguageCode, languageCodes, nameOf } from "./Language.ts"
import { usePage } from "./Page.ts"
import { BoardView } from "./staff/BoardView.tsx"
import { StaffSignIn } from "./staff/StaffSignIn.tsx"

const isStaffPath = () => location.pathname.startsWith("/staff")

/** The frame of the page, and which of its two views is shown. */
export const App = () => {
  const { customers, language, notices, staff } = usePage()
  const { words } = language
  const isStaff = useMemo(() => signal(isStaffPath()), [])
  useEffect(() => {
    const follow = () => isStaff.value = isStaffPath()
    addEventListener("popstate", follow)
    return () => removeEventListener("popstate", follow)
  }, [])
  const go = (event: MouseEvent & { readonly currentTarget: HTMLAnchorElement }) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    history.pushState(null, "", event.currentTarget.href)
    isStaff.value = isStaffPath()
  }
  const customer = customers.current.value
  const member = staff.current.value
  return (
    <>
      <a class="skip" href="#content">{words.skip}</a>
      <header class="top">
        <span class="brand">
          <img src="/favicon.svg" alt="" width="28" height="28" /> g-store
        </span>
        <nav aria-label={words.views}>
          <a href="/" aria-current={isStaff.value ? undefined : "page"} onClick={go}>{words.shop}</a>
          <a href="/staff" aria-current={isStaff.value ? "page" : undefined} onClick={go}>{words.staff}</a>
        </nav>
        <LanguageSwitch />
      </header>
      <main id="content" tabIndex={-1}>
        {isStaff.value
          ? member === undefined ? <StaffSignIn /> : <BoardView key={member.userId} session={member} />
          : customer === undefined
          ? <SignIn />
          : <CustomerView key={customer.userId} session={customer} />}
      </main>
      <div class="visually-hidden" role="status" aria-live="polite">{notices.spoken.value}</div>
    </>
  )
}

const LanguageSwitch = () => {
  const { language } = usePage()
  return (
    <select
      class="language"
      aria-label={language.words.language}
      value={language.code.value}
      onChange={(event) => language.choose(event.currentTarget.value as LanguageCode)}
    >
      {languageCodes.map((code) => <option key={code} value={code}>{nameOf(code)}</option>)}
    </select>
  )
}
