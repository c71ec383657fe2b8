/** Turns amounts in minor units into text and typed text into amounts, for one currency. */
export interface Money {
  readonly format: (minor: number, language: string) => string
  /** Undefined when the text is no amount that the store takes. */
  readonly parse: (text: string) => number | undefined
  /** The currency's sign. */
  readonly sign: (language: string) => string
}

const LARGEST = 1_000_000_000_000

export const moneyOf = (currency: string): Money => {
  const formatter = (language: string) =>
    new Intl.NumberFormat(language, { style: "currency", currency, currencyDisplay: "narrowSymbol" })
  const digits = formatter("en").resolvedOptions().maximumFractionDigits ?? 2
  const scale = 10 ** digits
  return {
    format: (minor, language) => formatter(language).format(minor / scale),
    parse: (text) => {
      const plain = text.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".")
      if (!/^\d+(\.\d+)?$/.test(plain)) return undefined
      const [, fraction = ""] = plain.split(".")
      const minor = Math.round(Number(plain) * scale)
      return fraction.length > digits || minor < 1 || minor > LARGEST ? undefined : minor
    },
    sign: (language) => formatter(language).formatToParts(1).find(({ type }) => type === "currency")?.value ?? currency
  }
}
