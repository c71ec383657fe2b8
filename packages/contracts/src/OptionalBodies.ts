const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const takesNull = (schema: unknown): boolean =>
  isRecord(schema)
  && (schema["type"] === "null" || (Array.isArray(schema["anyOf"]) && schema["anyOf"].some(takesNull)))

const mediaTypes = (body: Readonly<Record<string, unknown>>): ReadonlyArray<unknown> =>
  isRecord(body["content"]) ? Object.values(body["content"]) : []

const opened = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(opened)
  if (!isRecord(node)) return node
  const all = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, opened(value)]))
  const body = all["requestBody"]
  if (!isRecord(body) || !mediaTypes(body).some((type) => isRecord(type) && takesNull(type["schema"]))) return all
  const { required: _required, ...optional } = body
  return { ...all, requestBody: optional }
}

/** A body that may be null may be left out as well, where the generated document would have every body required. */
export const optionalBodies = (document: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(document).map(([key, value]) => [key, opened(value)]))
