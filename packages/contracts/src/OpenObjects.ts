import { mapObjects } from "./JsonDocument.ts"

/**
 * Objects as services keep them: members that a service does not know are ignored, and answers may get new ones, so
 * no object is closed (`additionalProperties: false`), as the generated document would have it.
 */
export const openObjects = mapObjects(({ additionalProperties, ...object }) =>
  additionalProperties === undefined || additionalProperties === false ? object : { ...object, additionalProperties }
)
