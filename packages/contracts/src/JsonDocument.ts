export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null

/** A JSON document with each of its objects changed, inner ones first. */
export const mapObjects =
  (change: (object: Record<string, unknown>) => Record<string, unknown>) =>
  (document: Readonly<Record<string, unknown>>): Record<string, unknown> => {
    const mapped = (node: unknown): unknown =>
      Array.isArray(node) ? node.map(mapped) : isRecord(node) ? mappedObject(node) : node
    const mappedObject = (object: Readonly<Record<string, unknown>>) =>
      change(Object.fromEntries(Object.entries(object).map(([key, value]) => [key, mapped(value)])))
    return mappedObject(document)
  }
