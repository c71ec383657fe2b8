import { openObjects } from "./OpenObjects.ts"
import { optionalBodies } from "./OptionalBodies.ts"
import { withProblemTypes } from "./ProblemTypes.ts"

/** An OpenAPI document as services keep it, from the one that is generated of their API. */
export const apiDocument = (document: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  withProblemTypes(optionalBodies(openObjects(document)))
