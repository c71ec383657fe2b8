import { EdgeProblems } from "@g-store/contracts/Actor.ts"
import { type BodyTooLarge, MediaTypeUnsupported, RequestInvalid } from "@g-store/contracts/Problems.ts"
import { Effect, Layer } from "effect"
import { type Headers, HttpServerRequest, HttpServerRespondable } from "effect/http"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import type { unhandled } from "effect/Types"
import { MAX_BODY_BYTES, tooLarge } from "./EdgeAnswers.ts"
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
const problemOf = (error: HttpApiSchemaError, url: string): RequestInvalid => {
  const errors = faultsOf(error, url)
  const place = places[error.kind]
  const [first] = errors
  const where = first === undefined || first.path.length === 0
    ? `the ${place}`
    : `${first.path.join(".")} in the ${place}`
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : ""
  return new RequestInvalid({ errors, detail: `Mend ${where}: ${first?.message ?? "it is malformed"}${others}.` })
}

const answerTo = (error: HttpApiSchemaError, url: string): Effect.Effect<never, RequestInvalid> =>
  error.kind === "Body" || error.kind === "ResponseHeaders"
    ? Effect.die(error.cause)
    : Effect.fail(problemOf(error, url))

const shown = (header: string): string => JSON.stringify(header.slice(0, 100))

/** RFC 8259: JSON between systems is UTF-8. ASCII is a part of it. */
const charsets = new Set(["utf-8", "utf8", "us-ascii", "ascii"])

const charsetOf = (contentType: string): string | undefined =>
  /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1]?.toLowerCase()

/** What is wrong with a body before any of it is read, by what its headers say. */
const unreadable = (headers: Headers.Headers): MediaTypeUnsupported | BodyTooLarge | undefined => {
  const encoding = headers["content-encoding"]
  if (encoding !== undefined && !/^(\s*identity)?\s*$/i.test(encoding)) {
    return new MediaTypeUnsupported({
      detail: `Send the body as it is, without Content-Encoding: ${shown(encoding)} is not undone here.`
    })
  }
  const charset = charsetOf(headers["content-type"] ?? "")
  if (charset !== undefined && !charsets.has(charset)) {
    return new MediaTypeUnsupported({
      detail: `Send the body as UTF-8: the charset ${shown(charset)} is not read here.`
    })
  }
  return Number(headers["content-length"]) > MAX_BODY_BYTES ? tooLarge : undefined
}

/**
 * A request that cannot be decoded is 400 with all its faults; an answer of ours that cannot be encoded is our defect.
 * Before that, a body that nobody here reads is refused by what its headers say. Outermost of an endpoint's middlewares,
 * so it is also where the endpoint's path becomes known to log and metrics.
 */
export const EdgeProblemsLive = Layer.succeed(
  EdgeProblems,
  EdgeProblems.of((effect, { endpoint }) =>
    Effect.flatMap(CurrentRequestFacts, (facts) => {
      if (facts !== undefined) facts.route = endpoint.path
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, url }) => {
        const decoded = Effect.catch(
          effect,
          (error): Effect.Effect<never, unhandled | RequestInvalid> =>
            HttpApiSchemaError.is(error) ? answerTo(error, url) : Effect.fail(error)
        )
        const refusal = unreadable(headers)
        return refusal === undefined ? decoded : HttpServerRespondable.toResponse(refusal)
      })
    })
  )
)
