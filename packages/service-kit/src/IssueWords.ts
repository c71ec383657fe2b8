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
  kind: HttpApiSchemaError["kind"]
): ReadonlyArray<Fault> => {
  const expected = (ast: SchemaAST.AST): ReadonlyArray<Fault> => {
    // A query's values are strings; only one that is given twice is none.
    const several = kind === "Query" && path.length > 0 && SchemaAST.isString(ast)
    return [{ path, message: several ? "Expected one value, not several" : `Expected ${takenBy(ast)}` }]
  }
  switch (issue._tag) {
    case "Pointer":
      return faultsIn(issue.issue, [...path, ...issue.path.map(segment)], kind)
    case "Encoding":
      return faultsIn(issue.issue, path, kind)
    case "Composite":
      return issue.issues.flatMap((inner) => faultsIn(inner, path, kind))
    case "AnyOf":
      return issue.issues.length === 0
        ? expected(issue.ast)
        : issue.issues.flatMap((inner) => faultsIn(inner, path, kind))
    case "InvalidType":
      return expected(issue.ast)
    case "MissingKey":
      return [{ path, message: "Required, but not there" }]
    default:
      return format(issue).issues.map(({ message }) => ({ path, message: inWords(message) }))
  }
}

/** Everything that is wrong with one part of a request. */
export const faultsOf = (error: HttpApiSchemaError): ReadonlyArray<Fault> => faultsIn(error.cause.issue, [], error.kind)
