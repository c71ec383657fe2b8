import { EdgeProblems } from "@g-store/contracts/Actor.ts"
import { RequestInvalid } from "@g-store/contracts/Problems.ts"
import { Effect, Layer, SchemaIssue } from "effect"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import type { unhandled } from "effect/Types"
import { CurrentRequestFacts } from "./RequestFacts.ts"

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

const answerTo = (error: HttpApiSchemaError): Effect.Effect<never, RequestInvalid> =>
  error.kind === "Body" || error.kind === "ResponseHeaders" ? Effect.die(error.cause) : Effect.fail(problemOf(error))

/**
 * A request that cannot be decoded is 400 with all its faults; an answer of ours that cannot be encoded is our defect.
 * Outermost of an endpoint's middlewares, so it is also where the endpoint's path becomes known to log and metrics.
 */
export const EdgeProblemsLive = Layer.succeed(
  EdgeProblems,
  EdgeProblems.of((effect, { endpoint }) =>
    Effect.flatMap(CurrentRequestFacts, (facts) => {
      if (facts !== undefined) facts.route = endpoint.path
      return Effect.catch(effect, (error): Effect.Effect<never, unhandled | RequestInvalid> =>
        HttpApiSchemaError.is(error) ? answerTo(error) : Effect.fail(error))
    })
  )
)
