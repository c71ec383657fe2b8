const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const opened = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(opened)
  if (!isRecord(node)) return node
  return Object.fromEntries(
    Object.entries(node).flatMap(([key, value]) =>
      key === "additionalProperties" && value === false ? [] : [[key, opened(value)]]
    )
  )
}

/**
 * Objects as services keep them: members that a service does not know are ignored, and answers may get new ones, so
 * no object is closed (`additionalProperties: false`), as the generated document would have it.
 */
export const openObjects = (document: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(document).map(([key, value]) => [key, opened(value)]))
