import type { ConnectionState } from "@g-store/client/Connection.ts"
import type { TransactionView } from "@g-store/client/StoreApi.ts"
import type { CancellationReason, OrderStatus } from "@g-store/contracts/Order.ts"

const statuses: Readonly<Record<OrderStatus, string>> = {
  PENDING: "Waiting for payment",
  PAID: "Paid",
  ASSEMBLING: "Being assembled",
  ASSEMBLED: "Assembled",
  DELIVERING: "On its way",
  ISSUED: "Handed over",
  CANCELLED: "Cancelled"
}

const reasons: Readonly<Record<CancellationReason, string>> = {
  CHANGED_MIND: "The customer changed their mind",
  OUT_OF_STOCK: "Out of stock",
  DELIVERY_UNAVAILABLE: "Delivery is not possible",
  NO_PAYMENT_ACCOUNT: "There was no account to pay from",
  INSUFFICIENT_FUNDS: "There was not enough money on the account",
  PAYMENT_INTERNAL_ERROR: "The payment failed on our side"
}

const moves: Readonly<Record<OrderStatus, string>> = {
  PENDING: "",
  PAID: "Mark as paid",
  ASSEMBLING: "Start assembling",
  ASSEMBLED: "Finish assembling",
  DELIVERING: "Hand to delivery",
  ISSUED: "Mark as handed over",
  CANCELLED: ""
}

const transactions: Readonly<Record<TransactionView["type"], string>> = {
  TOP_UP: "Top-up",
  PAYMENT: "Payment",
  REFUND: "Refund"
}

const connection: Readonly<Record<ConnectionState, string>> = {
  connecting: "Connecting…",
  open: "Live",
  waiting: "Connection lost. Trying again…",
  closed: "Live updates have stopped"
}

const actors: Readonly<Record<"CUSTOMER" | "STAFF" | "PAYMENT", string>> = {
  CUSTOMER: "customer",
  STAFF: "staff",
  PAYMENT: "payment"
}

/** By the problem's `type`; what is not here is shown as the store said it. */
const problems: Readonly<Record<string, string>> = {}

export const english = {
  statuses,
  reasons,
  moves,
  transactions,
  connection,
  actors,
  problems,
  languageName: "English",
  language: "Language",
  skip: "Skip to content",
  shop: "Shop",
  staff: "Staff",
  views: "Views",
  loading: "Loading…",
  tryAgain: "Try again",
  trace: "Trace",
  unreachable: "The store does not answer. Try again in a moment: nothing is done twice.",
  unexpected: (text: string) => `Something went wrong in this page: ${text}`,
  close: "Close",
  signOut: "Sign out",
  signedInAs: "Signed in as",
  signInTitle: "Welcome",
  signInText: "This is a demo: choose who you want to be. Every customer has an account and orders of their own.",
  newCustomer: "Continue as a new customer",
  remembered: "Continue as somebody from before",
  pasteTitle: "I have a token",
  token: "Access token",
  useToken: "Use this token",
  tokenUnreadable: "This is not an access token: it should be three parts separated by dots.",
  tokenOfStaff: "This is a staff token. The staff page asks for the staff key instead.",
  tokenExpired: "This token is no longer valid. Ask for a fresh one.",
  sessionOver: "Your session has ended. Sign in again.",
  account: "Account",
  balance: "Balance",
  noAccount: "You have no account yet. Open one to pay for orders.",
  openAccount: "Open an account",
  topUp: "Top up",
  topUpAmount: (sign: string) => `Amount to add, ${sign}`,
  toppedUp: (amount: string) => `${amount} added to your account`,
  accountOpened: "Your account is open",
  amountInvalid: "Write an amount such as 1500 or 99.90.",
  statement: "Statement",
  noTransactions: "Nothing has moved yet.",
  newer: "Newer",
  older: "Older",
  pageNumber: (page: number) => `Page ${page}`,
  balanceAfter: (amount: string) => `Balance ${amount}`,
  newOrder: "New order",
  orderAmount: (sign: string) => `Amount, ${sign}`,
  description: "What is it?",
  optional: "optional",
  buy: "Place order",
  orderPlaced: (id: string) => `Order ${id} is placed`,
  orders: "Your orders",
  noOrders: "No orders yet. Your first one will appear here and change as it is paid, assembled and delivered.",
  moreOrders: "Show older orders",
  order: (id: string) => `Order ${id}`,
  steps: "Progress",
  history: "History",
  by: (actor: string) => `by ${actor}`,
  cancel: "Cancel order",
  cancelTitle: (id: string) => `Cancel order ${id}?`,
  cancelText: "Money that was taken comes back to your account.",
  keep: "Keep order",
  yesCancel: "Yes, cancel",
  changed: (id: string, status: string) => `Order ${id}: ${status}`,
  changedBecause: (id: string, status: string, reason: string) => `Order ${id}: ${status}. ${reason}`,
  notify: "Notify me",
  notifyOn: "Notifications are on",
  notifyDenied: "Notifications are blocked in the browser's settings for this page.",
  staffTitle: "Staff",
  staffText: "The board shows everybody's orders. It needs the store's staff key.",
  staffKey: "Staff key",
  staffEnter: "Open the board",
  board: "Orders",
  search: "Search by order or user id",
  noMatches: "No order on the board matches.",
  empty: "Nothing here",
  count: (count: number, more: boolean) => `${count}${more ? "+" : ""}`,
  showMore: "Show more",
  cancelReason: "Reason",
  user: "User",
  eventLog: "Event log",
  noEvents: "Nothing has happened since you opened this page.",
  version: (version: number) => `v${version}`
}

export type Words = typeof english
