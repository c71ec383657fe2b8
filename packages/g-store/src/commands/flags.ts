import { httpUrl } from "@g-store/service-kit/ServiceConfig.ts"
import { Schema } from "effect"
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
  Schema.is(httpUrl.schema),
  () => `Expected ${httpUrl.expected}`
)
