import { render } from "preact"
import { App } from "./App.tsx"
import { Language } from "./Language.ts"
import { moneyOf } from "./Money.ts"
import { Notices } from "./Notices.ts"
import { PageContext } from "./Page.ts"
import { Sessions } from "./Sessions.ts"
import { loadSettings } from "./Settings.ts"

const settings = await loadSettings()
const page = {
  settings,
  language: new Language(),
  money: moneyOf(settings.currency),
  notices: new Notices(),
  customers: new Sessions("customer", settings),
  staff: new Sessions("staff", settings)
}
const root = document.getElementById("page")
if (root !== null) {
  render(
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>,
    root
  )
}
