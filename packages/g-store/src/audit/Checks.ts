import { auditAccounts, auditEntries } from "./MoneyAudit.ts"
import { checkOrders, type FeedRule, type In } from "./OrderChecks.ts"

/** What is asked about, by the name under which it is followed. */
export type Kind = "order" | "account" | "entry"
export const kinds: ReadonlyArray<Kind> = ["order", "account", "entry"]

/** Every rule about rows of a kind. */
export const checking = (inside: In, feed: FeedRule) => (kind: Kind, ids: ReadonlyArray<string>) => {
  switch (kind) {
    case "order":
      return checkOrders(inside, ids, feed)
    case "account":
      return inside("payments", auditAccounts(ids))
    case "entry":
      return inside("payments", auditEntries(ids))
  }
}
