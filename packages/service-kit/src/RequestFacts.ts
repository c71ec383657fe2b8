import { Context } from "effect"

/** What later stages of one request learn about it, for its line in the log and its metrics. One object a request. */
export interface RequestFacts {
  /** The endpoint's path template, so that metrics have as many labels as there are endpoints. */
  route: string | undefined
  /** `customer:<id>` or `staff:<id>`. */
  caller: string | undefined
}

/** The facts of the request at hand; undefined outside the edge (tests of handlers alone). */
export const CurrentRequestFacts = Context.Reference<RequestFacts | undefined>(
  "@g-store/service-kit/CurrentRequestFacts",
  { defaultValue: () => undefined }
)
