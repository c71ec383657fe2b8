import { Schema } from "effect"

/** How many entries a page holds at most. */
export const Limit = Schema.Int
  .check(Schema.isBetween({ minimum: 1, maximum: 100 }))
  .annotate({ description: "Entries a page, 1 to 100; 20 if absent", examples: [20] })

export const DEFAULT_LIMIT = 20

/** Where the next page begins: `nextCursor` of the page before, or empty to begin. */
export const Cursor = Schema.String
  .check(Schema.isPattern(/^[0-9a-fA-F-]{0,36}$/, { expected: "a cursor as nextCursor gave it, or an empty string" }))
  .annotate({ description: "nextCursor of the page before; empty to begin" })

/** Makes a POST or PATCH safe to repeat: the first answer is given again. */
export const idempotencyKey = {
  "idempotency-key": Schema.optionalKey(
    Schema.String
      .check(Schema.isMinLength(1), Schema.isMaxLength(255))
      .annotate({ description: "Makes the call safe to repeat: the same key and body get the first answer again" })
  )
}

/** Holds a change back unless the order is still at the version that the caller saw. */
export const ifMatch = {
  "if-match": Schema.optionalKey(
    Schema.String.annotate({ description: "The ETag of the order as the caller saw it; else 412", examples: ["\"1\""] })
  )
}
