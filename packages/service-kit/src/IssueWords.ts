import { SchemaIssue } from "effect"
import type { HttpApiSchemaError } from "effect/http-api/HttpApiError"

/** One fault of a request: the place that the caller knows it by, and what is expected there. */
export interface Fault {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const types: Readonly<Record<string, string>> = {
  object: "a JSON object",
  array: "a list",
  string: "a string",
  number: "a number",
  boolean: "true or false",
  null: "nothing",
  "a string representing a finite number": "a number",
  "a valid JSON body": "valid JSON"
}

/** The schema library's words, as somebody reads them who sees the request and not the schema. */
const inWords = (message: string, kind: HttpApiSchemaError["kind"]): string => {
  if (message === "Missing key") return "Required, but not there"
  // A query's values are strings; only one that is given twice is none.
  if (kind === "Query" && message === "Expected string") return "Expected one value, not several"
  const length = /^Expected a value with a length of at (least|most) (\d+)$/.exec(message)
  if (length !== null) return `Expected at ${length[1]} ${length[2]} character${length[2] === "1" ? "" : "s"}`
  if (!message.startsWith("Expected ")) return message
  const alternatives = message.slice("Expected ".length).split(" | ").map((type) => types[type] ?? type)
  return `Expected ${alternatives.join(" or ")}`
}

const segment = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "number" ? key : String(key)
}

/** Everything that is wrong with one part of a request. */
export const faultsOf = (error: HttpApiSchemaError): ReadonlyArray<Fault> =>
  format(error.cause.issue).issues.map(({ message, path }) => ({
    path: (path ?? []).map(segment),
    message: inWords(message, error.kind)
  }))
