/** What the model writes down of the store, and what can be done: one customer, one account, a few orders. */

export type Status = "PENDING" | "PAID" | "ASSEMBLING" | "ASSEMBLED" | "DELIVERING" | "ISSUED" | "CANCELLED"

/** A line of an order's history; its version is its place, from 1. */
export interface Entry {
  readonly status: Status
  readonly by: "CUSTOMER" | "STAFF" | "PAYMENT"
  readonly reason?: string
}

export interface Order {
  readonly amount: number
  readonly history: ReadonlyArray<Entry>
}

/** The one decision about an order's payment. A VOIDED one learns its amount when the overtaken creation arrives. */
export interface Payment {
  readonly state: "CHARGED" | "DECLINED" | "REFUNDED" | "VOIDED"
  readonly amount: number | null
  readonly failure?: string
}

export interface Line {
  readonly type: "TOP_UP" | "PAYMENT" | "REFUND"
  readonly amount: number
  readonly order?: number
}

/** Orders and payments by the order's number; null is what there is not (yet). The ledger is null without an account. */
export interface State {
  readonly orders: ReadonlyArray<Order | null>
  readonly payments: ReadonlyArray<Payment | null>
  readonly ledger: ReadonlyArray<Line> | null
}

/** A message about an order: its events by what they say, and the word of its payment. */
export type Message = "created" | "moved" | "cancelled" | "paid"

/** What can be done. Each `order` is a number; `ifVersion` is an If-Match; a delivery may be repeated under a new id. */
export type Command =
  | { readonly do: "create"; readonly order: number; readonly amount: number }
  | {
    readonly do: "cancel"
    readonly order: number
    readonly by: "owner" | "stranger" | "staff"
    readonly ifVersion?: number
  }
  | { readonly do: "move"; readonly order: number; readonly to: Status; readonly ifVersion?: number }
  | { readonly do: "open" }
  | { readonly do: "topUp"; readonly amount: number; readonly by: "owner" | "stranger" }
  | { readonly do: "deliver"; readonly order: number; readonly message: Message; readonly again: boolean }
  | { readonly do: "look"; readonly order: number }
  | { readonly do: "balance" }

/** What may be answered, by HTTP status and what is read with it, and the notebook afterwards. */
export interface Outcome {
  readonly answers: ReadonlyArray<string>
  readonly state: State
}
