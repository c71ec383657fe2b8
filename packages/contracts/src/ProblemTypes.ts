import { isRecord } from "./JsonDocument.ts"

/**
 * The problems that any request may be answered with before an endpoint is found for it: by the server that reads it, by
 * the edge around the routes, and by the gateway in front.
 */
export const edgeProblemTypes = [
  "urn:g-store:request-invalid",
  "urn:g-store:request-refused",
  "urn:g-store:route-not-found",
  "urn:g-store:method-not-allowed",
  "urn:g-store:request-timeout",
  "urn:g-store:body-too-large",
  "urn:g-store:media-type-unsupported",
  "urn:g-store:expectation-failed",
  "urn:g-store:too-many-requests",
  "urn:g-store:headers-too-large",
  "urn:g-store:internal-error",
  "urn:g-store:service-unavailable"
] as const
export type EdgeProblemType = typeof edgeProblemTypes[number]

/** The `type` of each problem that the document's endpoints declare. */
const declared = (node: unknown): ReadonlyArray<string> => {
  if (typeof node === "string") return node.startsWith("urn:g-store:") ? [node] : []
  return isRecord(node) ? Object.values(node).flatMap(declared) : []
}

/** Every `type` that a problem may have, in one place of the document: what its endpoints declare, and what comes before them. */
export const withProblemTypes = (document: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const info = isRecord(document["info"]) ? document["info"] : {}
  const components = isRecord(document["components"]) ? document["components"] : {}
  const schemas = isRecord(components["schemas"]) ? components["schemas"] : {}
  const ProblemType = {
    type: "string",
    enum: Array.from(new Set([...declared(schemas), ...edgeProblemTypes])).toSorted(),
    description: "What is wrong, for programs to switch on: every `type` that a problem may have"
  }
  return {
    ...document,
    info: {
      ...info,
      description: [
        info["description"],
        "Errors are RFC 9457 problems; switch on `type`: the schema ProblemType lists all there are, those for requests "
        + "that reach no endpoint among them."
      ].join(" ")
    },
    components: { ...components, schemas: { ...schemas, ProblemType } }
  }
}
