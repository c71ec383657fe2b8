import { SchemaAST, SchemaIssue } from "effect"
import type { HttpApiSchemaError } from "effect/http-api/HttpApiError"

/** One fault of a request: the place that the caller knows it by, and what is expected there. */
export interface Fault {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const types: Readonly<Record<string, string>> = {
  array: "a list",
  string: "a string",
  number: "a number",
  boolean: "true or false",
  null: "nothing",
  integer: "a whole number",
  "an integer": "a whole number",
  "a string representing a finite number": "a number",
  "a valid JSON body": "valid JSON"
}

/** The schema library's words for checks, as somebody reads them who sees the request and not the schema. */
const checks: ReadonlyArray<readonly [RegExp, (...found: ReadonlyArray<string>) => string]> = [
  [/^a value with a length of at (least|most) (\d+)$/, (most = "", count = "") => characters(most, count)],
  [/^a string with at (least|most) (\d+) code points$/, (most = "", count = "") => characters(most, count)],
  [/^a value between (-?\d+) and (-?\d+)$/, (from = "", to = "") => `a number from ${from} to ${to}`],
  [/^a value greater than or equal to (-?\d+)$/, (least = "") => `a number of at least ${least}`],
  [/^a value less than or equal to (-?\d+)$/, (most = "") => `a number of at most ${most}`]
]

const characters = (most: string, count: string): string => `at ${most} ${count} character${count === "1" ? "" : "s"}`

const inWords = (message: string): string => {
  if (!message.startsWith("Expected ")) return message
  const expected = message.slice("Expected ".length)
  for (const [pattern, words] of checks) {
    const [whole, ...found] = pattern.exec(expected) ?? []
    if (whole !== undefined) return `Expected ${words(...found)}`
  }
  return `Expected ${types[expected] ?? expected}`
}

/** What a schema takes, in the words of a request: never the schema's own name. */
const takenBy = (ast: SchemaAST.AST): string => {
  if (SchemaAST.isObjects(ast)) return "a JSON object"
  if (SchemaAST.isLiteral(ast)) return String(ast.literal)
  if (SchemaAST.isUnion(ast)) {
    const members = ast.types.map(takenBy)
    const [only] = members
    if (only !== undefined && members.length === 1) return only
    return ast.types.every(SchemaAST.isLiteral) ? `one of ${members.join(", ")}` : members.join(" or ")
  }
  const [issue] = format(new SchemaIssue.InvalidType(ast)).issues
  return inWords(issue?.message ?? "").replace(/^Expected /, "")
}

const segment = (key: PropertyKey): string | number => typeof key === "number" ? key : String(key)

const faultsIn = (
  issue: SchemaIssue.Issue,
  path: ReadonlyArray<string | number>,
  several: (name: string | number | undefined) => boolean
): ReadonlyArray<Fault> => {
  const expected = (ast: SchemaAST.AST): ReadonlyArray<Fault> => [{
    path,
    message: several(path[0]) ? "Expected one value, not several" : `Expected ${takenBy(ast)}`
  }]
  switch (issue._tag) {
    case "Pointer":
      return faultsIn(issue.issue, [...path, ...issue.path.map(segment)], several)
    case "Encoding":
      return faultsIn(issue.issue, path, several)
    case "Composite":
      return issue.issues.flatMap((inner) => faultsIn(inner, path, several))
    case "AnyOf":
      return issue.issues.length === 0
        ? expected(issue.ast)
        : issue.issues.flatMap((inner) => faultsIn(inner, path, several))
    case "InvalidType":
      return expected(issue.ast)
    case "MissingKey":
      return [{ path, message: "Required, but not there" }]
    default:
      return format(issue).issues.map(({ message }) => ({ path, message: inWords(message) }))
  }
}

const WHOLE = "Expected a whole number"
const bounds = /^Expected a number ((from|of at) .*)$/

/** A number beyond its bounds may be beyond all that is exact, and so no whole number as well: both are one fault. */
const joined = (faults: ReadonlyArray<Fault>): ReadonlyArray<Fault> =>
  faults.flatMap((fault) => {
    const others = faults.filter(({ path }) => path.join("\n") === fault.path.join("\n"))
    const range = others.map(({ message }) => bounds.exec(message)?.[1]).find((found) => found !== undefined)
    if (fault.message === WHOLE && range !== undefined) return [{ ...fault, message: `${WHOLE} ${range}` }]
    return bounds.test(fault.message) && others.some(({ message }) => message === WHOLE) ? [] : [fault]
  })

/** Everything that is wrong with one part of a request, which was asked for by `url`. */
export const faultsOf = (error: HttpApiSchemaError, url: string): ReadonlyArray<Fault> => {
  const query = new URLSearchParams(error.kind === "Query" ? url.slice(url.indexOf("?") + 1) : "")
  return joined(faultsIn(error.cause.issue, [], (name) => query.getAll(String(name)).length > 1))
}
