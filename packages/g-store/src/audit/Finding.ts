/** The invariants, by the name under which a breach is reported. */
export type Invariant =
  | "balance-equals-ledger"
  | "one-payment-one-refund"
  | "one-decision"
  | "status-agrees-with-payment"
  | "history-is-a-path"
  | "feed-equals-history"
  | "no-dead-letter"
  | "outbox-empty"
  | "journalled-kept"
  | "durable-settings"

/** What is wrong, with the id to look for. `inFlight`: may simply not be done yet, so it counts only if it stays. */
export interface Finding {
  readonly invariant: Invariant
  readonly id: string
  readonly detail: string
  readonly inFlight: boolean
}

export const invariants: Readonly<Record<Invariant, string>> = {
  "balance-equals-ledger": "every balance equals the sum of its ledger and is never negative",
  "one-payment-one-refund": "an order has at most one payment and one refund, of its amount, user and account",
  "one-decision": "every order has exactly one payment decision",
  "status-agrees-with-payment": "PENDING is undecided, PAID and later is CHARGED, CANCELLED is not",
  "history-is-a-path": "history has versions 1..n without gaps and follows the state machine",
  "feed-equals-history": "the feed equals the history",
  "no-dead-letter": "no dead letter, no waiting key",
  "outbox-empty": "every outbox is empty",
  "journalled-kept": "every journalled 201 and 204 is there",
  "durable-settings": "PostgreSQL runs with fsync, full_page_writes and synchronous_commit on"
}
