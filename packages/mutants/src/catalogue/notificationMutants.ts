import type { Mutant } from "../Mutant.ts"

const SERVICE = "packages/order-notification-service/src"
const TEST = "packages/order-notification-service/test"

/** What subscribers are promised. */
export const notificationMutants: ReadonlyArray<Mutant> = [
  {
    name: "snapshot-after-live",
    guarantee: "A subscriber is shown where the order stands before it is told what happens next.",
    edits: [{
      file: `${SERVICE}/Listening.ts`,
      find: "if (this.early === undefined) return owner.tell(event)",
      put: "if (this.early === undefined || event.orderId !== \"\") return owner.tell(event)"
    }],
    witnesses: [{
      file: `${TEST}/Subscriptions.test.ts`,
      test: "sees an order's last event that comes while the snapshot is read"
    }]
  },
  {
    name: "resume-off-by-one",
    guarantee: "A subscriber that names a version gets every version after it, and not that one again.",
    edits: [{
      file: `${SERVICE}/Subscriptions.ts`,
      find: "after: lost ? version : afterVersion ?? version, version, by: \"name\"",
      put: "after: lost ? version : afterVersion === undefined ? version : afterVersion + 1, version, by: \"name\""
    }],
    witnesses: [{
      file: `${TEST}/Subscriptions.test.ts`,
      test: "from version 0 right after the 201 sees the first version too, once"
    }]
  },
  {
    name: "gap-not-filled",
    guarantee: "A subscriber never sees a version before the ones below it.",
    edits: [{
      file: `${SERVICE}/Cursors.ts`,
      find: "if (update.data.version !== cursor.last + 1) return false",
      put: "if (update.data.version <= cursor.last) return false"
    }],
    witnesses: [{
      file: `${TEST}/Subscriptions.test.ts`,
      test: "waits for a version that is missing, and looks for it by itself"
    }]
  },
  {
    name: "new-order-begun-late",
    guarantee:
      "Of an order that came after a scope's snapshot every version is told, however late the first is heard of.",
    edits: [{
      file: `${SERVICE}/Cursors.ts`,
      find: "const isNew = event.orderId > shownAbove && event.orderId > this.forgotten",
      put: "const isNew = event.orderId > shownAbove && event.orderId > this.forgotten && shownAbove > \"~\""
    }],
    witnesses: [{
      file: `${TEST}/Subscriptions.test.ts`,
      test: "tells of an order that came after its snapshot from the first version on, whichever it hears of first"
    }]
  },
  {
    name: "slow-consumer-dropped-silently",
    guarantee: "A socket that does not read is closed with 1013, so that its client knows to read faster and resume.",
    edits: [{
      file: `${SERVICE}/Wire.ts`,
      find: "    this.end(closeCodes.slowConsumer, TOO_SLOW, wires.limits.slowCloseMillis)",
      put: "    this.isClosing = TOO_SLOW.length > 0"
    }],
    witnesses: [{
      file: `${TEST}/Wire.test.ts`,
      test: "is closed with 1013 as soon as more waits for its peer than may, and sends it nothing more"
    }]
  },
  {
    name: "version-stored-twice",
    guarantee: "A version of the feed stays as it was first stored, however often it comes.",
    edits: [{
      file: `${SERVICE}/FeedMemory.ts`,
      find: "  if (rows.get(\"feed\", eventKey(orderId, version)) !== undefined) return\n",
      put: ""
    }],
    witnesses: [{
      file: `${TEST}/Feed.test.ts`,
      test: "keeps a version as it was first stored, however often it comes"
    }]
  },
  {
    name: "told-before-stored",
    guarantee: "Sockets are told of an event once the feed has it, and not before.",
    edits: [{
      file: `${SERVICE}/LiveTail.ts`,
      find: "const told = (batch: Batch): Batch => ({",
      put: "const told = (batch: Batch): Batch => (tail.publish(eventsOf(batch)), {"
    }],
    witnesses: [{
      file: `${TEST}/LiveTail.test.ts`,
      test: "tell sockets of an event once the feed has it, and not before"
    }]
  }
]
