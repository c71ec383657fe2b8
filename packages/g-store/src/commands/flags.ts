import { Flag } from "effect/cli"

/** A number that is not within bounds is refused with these. */
export const within = (minimum: number, maximum: number) =>
  Flag.filter<number>(
    (value) => value >= minimum && value <= maximum,
    () => `Expected a number from ${minimum} to ${maximum}`
  )

/** A text that says nothing is refused. */
export const notBlank = Flag.filter<string>((value) => value.trim() !== "", () => "Expected some words")

/** What is no address of a gateway is refused. */
export const httpAddress = Flag.filter<string>(
  (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
  () => "Expected an http:// or https:// URL"
)
