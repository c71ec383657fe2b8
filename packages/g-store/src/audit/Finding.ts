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

/** What was found about each row that was looked at, by its id: nothing, where nothing is wrong. */
export type Checked = ReadonlyMap<string, ReadonlyArray<Finding>>

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

/** What the one who reads an alert is to do. */
export const remedies: Readonly<Record<Invariant, string>> = {
  "balance-equals-ledger":
    "Find out who wrote to accounts or ledger besides payment-service; mend it by booking another ledger entry",
  "one-payment-one-refund":
    "Compare the order with its ledger entries in the payments database; pay back by hand what was taken too much",
  "one-decision":
    "See whether payment-service runs, whether order.events reach it (inbox_lag_seconds) and `gstore dead-letters list`",
  "status-agrees-with-payment":
    "See whether order-service takes payment.events (inbox_lag_seconds) and `gstore dead-letters list`; after a restore, " +
    "whether all databases are of one moment",
  "history-is-a-path": "Find out who wrote to orders or order_history besides order-service; restore the rows",
  "feed-equals-history":
    "See whether order-notification-service takes order.events (inbox_lag_seconds) and `gstore dead-letters list`",
  "no-dead-letter": "`gstore dead-letters show ID` tells why; then `replay ID`, or `discard ID --reason R`",
  "outbox-empty":
    "See whether the broker answers and the service's relay runs (outbox_depth, relay_publish_failures_total)",
  "journalled-kept": "Acknowledged work is gone: see whether a database was restored to an earlier moment",
  "durable-settings":
    "Turn the setting on in PostgreSQL's configuration: until then a power cut loses acknowledged work"
}
