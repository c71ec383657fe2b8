import { EdgeProblems } from "@g-store/contracts/Actor.ts"
import { RequestInvalid } from "@g-store/contracts/Problems.ts"
import { Effect, Layer } from "effect"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import type { unhandled } from "effect/Types"
import { faultsOf } from "./IssueWords.ts"
import { CurrentRequestFacts } from "./RequestFacts.ts"

const places: Record<HttpApiSchemaError["kind"], string> = {
  Params: "path",
  Query: "query",
  Headers: "headers",
  Payload: "body",
  Body: "answer",
  ResponseHeaders: "answer"
}

/** Says what to mend first, and lists the rest. */
const problemOf = (error: HttpApiSchemaError): RequestInvalid => {
  const errors = faultsOf(error)
  const place = places[error.kind]
  const [first] = errors
  const where = first === undefined || first.path.length === 0
    ? `the ${place}`
    : `${first.path.join(".")} in the ${place}`
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
