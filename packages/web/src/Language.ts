import { effect, signal } from "@preact/signals"
import { english, type Words } from "./words/english.ts"
import { russian } from "./words/russian.ts"

const all = { en: english, ru: russian } as const
export type LanguageCode = keyof typeof all
export const languageCodes: ReadonlyArray<LanguageCode> = ["en", "ru"]

const KEY = "g-store.language"

/** What people read, in the language they chose last, or their browser's. */
export class Language {
  readonly code = signal<LanguageCode>(begin())

  constructor() {
    effect(() => {
      document.documentElement.lang = this.code.value
    })
  }

  get words(): Words {
    return all[this.code.value]
  }

  choose(code: LanguageCode): void {
    this.code.value = code
    localStorage.setItem(KEY, code)
  }

  time(rfc3339: string): string {
    const at = new Date(rfc3339)
    const year = at.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" as const }
    const format = { day: "numeric", month: "short", ...year, hour: "2-digit", minute: "2-digit" } as const
    return new Intl.DateTimeFormat(this.code.value, format).format(at)
  }

  clock(rfc3339: string): string {
    return new Intl.DateTimeFormat(this.code.value, { timeStyle: "medium" }).format(new Date(rfc3339))
  }
}

/** A language's own name, for the switch. */
export const nameOf = (code: LanguageCode): string => all[code].languageName

const begin = (): LanguageCode => {
  const remembered = localStorage.getItem(KEY)
  if (remembered === "en" || remembered === "ru") return remembered
  return navigator.language.startsWith("ru") ? "ru" : "en"
}
