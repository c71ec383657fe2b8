import { EdgeProblems } from "@g-store/contracts/Actor.ts"
import { RequestInvalid } from "@g-store/contracts/Problems.ts"
import { Effect, SchemaIssue } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import type { HttpApiSchemaError } from "effect/http-api/HttpApiError"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const places: Record<HttpApiSchemaError["kind"], string> = {
  Params: "path",
  Query: "query",
  Headers: "header",
  Payload: "body",
  Body: "answer",
  ResponseHeaders: "answer"
}

const segment = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "number" ? key : String(key)
}

/** Everything that is wrong with one part of a request, each with the place that a caller knows it by. */
const problemOf = (error: HttpApiSchemaError): RequestInvalid => {
  const errors = format(error.cause.issue).issues.map((issue) => ({
    path: (issue.path ?? []).map(segment),
    message: issue.message
  }))
  const place = places[error.kind]
  const [first] = errors
  const where = first === undefined || first.path.length === 0 ? `the ${place}` : `${first.path.join(".")} in the ${place}`
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : ""
  return new RequestInvalid({ errors, detail: `Mend ${where}: ${first?.message ?? "it is malformed"}${others}.` })
}

/** A request that cannot be decoded is 400 with all its faults; an answer of ours that cannot be encoded is our defect. */
export const EdgeProblemsLive = HttpApiMiddleware.layerSchemaErrorTransform(EdgeProblems, (error) =>
  error.kind === "Body" || error.kind === "ResponseHeaders" ? Effect.die(error.cause) : Effect.fail(problemOf(error)))
