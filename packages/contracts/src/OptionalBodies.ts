import { isRecord, mapObjects } from "./JsonDocument.ts"

const takesNull = (schema: unknown): boolean =>
  isRecord(schema)
  && (schema["type"] === "null" || (Array.isArray(schema["anyOf"]) && schema["anyOf"].some(takesNull)))

const mediaTypes = (body: Readonly<Record<string, unknown>>): ReadonlyArray<unknown> =>
  isRecord(body["content"]) ? Object.values(body["content"]) : []

/** A body that may be null may be left out as well, where the generated document would have every body required. */
export const optionalBodies = mapObjects((object) => {
  const body = object["requestBody"]
  if (!isRecord(body) || !mediaTypes(body).some((type) => isRecord(type) && takesNull(type["schema"]))) return object
  const { required: _required, ...optional } = body
  return { ...object, requestBody: optional }
})
