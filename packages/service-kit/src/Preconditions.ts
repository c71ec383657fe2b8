import { RequestInvalid } from "@g-store/contracts/Problems.ts"
import { Effect } from "effect"

/** Versions that a caller accepts; undefined accepts any. An empty list accepts none: no ETag of ours looks like that. */
export type ExpectedVersions = ReadonlyArray<number> | undefined

/** The ETag of a version: `"3"`. */
export const etag = (version: number): string => `"${version}"`

/** RFC 9110: `"tag"` or `W/"tag"`, in a comma list. */
const entityTag = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/

/** The elements of a comma list; commas inside quotation marks belong to their element. */
const elementsOf = (list: string): ReadonlyArray<string> => {
  const elements = [""]
  let quoted = false
  for (const char of list) {
    if (char === "\"") quoted = !quoted
    if (char === "," && !quoted) elements.push("")
    else elements[elements.length - 1] += char
  }
  return elements.map((element) => element.trim()).filter((element) => element !== "")
}

const malformed = (value: string): RequestInvalid =>
  new RequestInvalid({
    detail: "If-Match must be * or a list of ETags as GET gave them, such as \"3\" with its quotation marks.",
    errors: [{ path: ["If-Match"], message: `Expected an ETag in quotation marks, found ${JSON.stringify(value)}` }]
  })

/**
 * The versions that an If-Match header lets through. `*` and no header let any through. Weak tags (`W/"3"`, as a
 * compressing proxy makes of ours) count as their strong twins: a version names one state however it is encoded.
 * Tags that are no version of ours are kept out, so a header with nothing else never holds.
 */
export const expectedVersions = (ifMatch: string | undefined): Effect.Effect<ExpectedVersions, RequestInvalid> => {
  const value = ifMatch?.trim()
  if (value === undefined || value === "*") return Effect.undefined
  const tags = elementsOf(value)
  if (tags.length === 0) return Effect.fail(malformed(value))
  const versions: Array<number> = []
  for (const tag of tags) {
    const opaque = entityTag.exec(tag)?.[2]
    if (opaque === undefined) return Effect.fail(malformed(tag))
    if (/^[1-9]\d{0,14}$/.test(opaque)) versions.push(Number(opaque))
  }
  return Effect.succeed(versions)
}

/** Whether a version is among those expected. */
export const holds = (expected: ExpectedVersions, version: number): boolean =>
  expected === undefined || expected.includes(version)
