import type { Account, Payment, Transaction } from "@g-store/contracts/Account.ts"
import type { Token, TokenRequest } from "@g-store/contracts/IdentityApi.ts"
import type { HistoryEntry, Order, OrderStatus, StaffCancellationReason } from "@g-store/contracts/Order.ts"
import type { CreateOrder, OrderAccepted, OrderPage, OrderSlice } from "@g-store/contracts/OrdersApi.ts"
import type { AccountOpened, Statement } from "@g-store/contracts/PaymentsApi.ts"
import type { OrderUpdate } from "./OrderUpdates.ts"

// The contracts' schemas in the form in which they travel: times as text, ids as plain strings.
export type OrderView = typeof Order.Encoded
export type HistoryView = typeof HistoryEntry.Encoded
export type AccountView = typeof Account.Encoded
export type TransactionView = typeof Transaction.Encoded
export type PaymentView = typeof Payment.Encoded

/** An error answer: a problem of RFC 9457. Switch on `type`; `detail` is for people. */
export class StoreProblem extends Error {
  readonly status: number
  /** `urn:g-store:...`; `about:blank` where something between us answered in our stead. */
  readonly type: string
  readonly detail: string
  readonly traceId: string | undefined
  /** Seconds to wait before the next try, where the answer says so. */
  readonly retryAfter: number | undefined
  /** Every member of the problem, with those of its own type. */
  readonly members: Readonly<Record<string, unknown>>

  constructor(status: number, members: Readonly<Record<string, unknown>>, retryAfter: number | undefined) {
    const detail = typeof members["detail"] === "string" ? members["detail"] : `The store answered ${status}.`
    super(detail)
    this.name = "StoreProblem"
    this.status = status
    this.type = typeof members["type"] === "string" ? members["type"] : "about:blank"
    this.detail = detail
    this.traceId = typeof members["traceId"] === "string" ? members["traceId"] : undefined
    this.retryAfter = retryAfter
    this.members = members
  }
}

/** The store did not answer at all: what was asked may or may not have happened. Ask again with the same key. */
export class StoreUnreachable extends Error {
  constructor(cause: unknown) {
    super("The store does not answer.", { cause })
    this.name = "StoreUnreachable"
  }
}

export interface StoreApiOptions {
  /** The gateway, for instance `https://shop.example`; the page's own origin if absent. */
  readonly baseUrl?: string | undefined
  /** Asked for each request; undefined sends none. */
  readonly token?: (() => string | undefined | Promise<string | undefined>) | undefined
  readonly staffKey?: string | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  /** How often a request that is safe to repeat is sent in all; 3 if absent. */
  readonly tries?: number | undefined
  /** How long one try may take; 30000 if absent. */
  readonly timeoutMillis?: number | undefined
}

/** For one call: the key that makes it safe to repeat (made up if absent), and the version that must still hold. */
export interface CallOptions {
  readonly idempotencyKey?: string | undefined
  readonly ifVersion?: number | undefined
}

export interface ListOptions {
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
  readonly status?: OrderStatus | undefined
}

type Query = Readonly<Record<string, string | number | undefined>>

/** The store's REST API. Every change carries an idempotency key, so that it is repeated safely when an answer is lost. */
export const makeStoreApi = (options: StoreApiOptions = {}) => {
  const base = (options.baseUrl ?? "").replace(/\/$/, "")
  const send = options.fetch ?? globalThis.fetch.bind(globalThis)
  const tries = options.tries ?? 3

  const once = async (method: string, path: string, headers: Record<string, string>, body: string | undefined) => {
    const signal = AbortSignal.timeout(options.timeoutMillis ?? 30_000)
    const response = await send(base + path, { method, headers, signal, ...(body === undefined ? {} : { body }) })
      .catch((cause: unknown) => Promise.reject(new StoreUnreachable(cause)))
    const text = await response.text().catch((cause: unknown) => Promise.reject(new StoreUnreachable(cause)))
    if (response.ok) return text === "" ? undefined : JSON.parse(text)
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN)
    throw new StoreProblem(response.status, membersOf(text), Number.isFinite(seconds) ? seconds : undefined)
  }

  const call = async (
    method: "GET" | "POST" | "PATCH",
    path: string,
    body?: unknown,
    { idempotencyKey, ifVersion }: CallOptions = {}
  ) => {
    const token = await options.token?.()
    const headers: Record<string, string> = {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(options.staffKey === undefined ? {} : { "x-staff-api-key": options.staffKey }),
      ...(method === "GET" ? {} : { "idempotency-key": idempotencyKey ?? newKey() }),
      ...(ifVersion === undefined ? {} : { "if-match": `"${ifVersion}"` })
    }
    const text = body === undefined ? undefined : JSON.stringify(body)
    for (let nth = 1;; nth++) {
      try {
        return await once(method, path, headers, text)
      } catch (error) {
        const wait = error instanceof StoreUnreachable
          ? 0.3 * nth
          : error instanceof StoreProblem
          ? passing(error)
          : undefined
        if (wait === undefined || nth >= tries) throw error
        await new Promise((resolve) => setTimeout(resolve, wait * 1000))
      }
    }
  }

  return {
    identity: {
      token: (request: typeof TokenRequest.Encoded = {}): Promise<typeof Token.Encoded> =>
        call("POST", "/api/identity/v1/token", request)
    },
    orders: {
      create: (order: typeof CreateOrder.Encoded, how?: CallOptions): Promise<typeof OrderAccepted.Encoded> =>
        call("POST", "/api/orders/v1/orders", order, how),
      get: (id: string): Promise<OrderView> => call("GET", `/api/orders/v1/orders/${id}`),
      history: (id: string): Promise<{ readonly entries: ReadonlyArray<HistoryView> }> =>
        call("GET", `/api/orders/v1/orders/${id}/history`),
      page: (
        at: { readonly page?: number; readonly limit?: number; readonly status?: OrderStatus } = {}
      ): Promise<typeof OrderPage.Encoded> => call("GET", `/api/orders/v1/orders${query(at)}`),
      list: (at: ListOptions = {}): Promise<typeof OrderSlice.Encoded> =>
        call("GET", `/api/orders/v1/orders${query({ cursor: "", ...at })}`),
      cancel: (id: string, how?: CallOptions): Promise<void> =>
        call("POST", `/api/orders/v1/orders/${id}/cancel`, { cancellationReason: "CHANGED_MIND" }, how),
      updates: (id: string, afterVersion = 0): Promise<{ readonly events: ReadonlyArray<OrderUpdate> }> =>
        call("GET", `/api/notifications/v1/orders/${id}/events${query({ afterVersion })}`)
    },
    staff: {
      list: (at: ListOptions & { readonly userId?: string | undefined } = {}): Promise<typeof OrderSlice.Encoded> =>
        call("GET", `/api/orders/v1/staff/orders${query({ ...at })}`),
      move: (id: string, status: OrderStatus, how?: CallOptions): Promise<void> =>
        call("PATCH", `/api/orders/v1/staff/orders/${id}/status`, { status }, how),
      cancel: (id: string, cancellationReason: StaffCancellationReason, how?: CallOptions): Promise<void> =>
        call("POST", `/api/orders/v1/staff/orders/${id}/cancel`, { cancellationReason }, how)
    },
    accounts: {
      open: (how?: CallOptions): Promise<typeof AccountOpened.Encoded> =>
        call("POST", "/api/payments/v1/accounts", undefined, how),
      mine: (): Promise<AccountView> => call("GET", "/api/payments/v1/accounts/me"),
      topUp: (id: string, amount: number, how?: CallOptions): Promise<void> =>
        call("PATCH", `/api/payments/v1/accounts/${id}`, { amount }, how),
      transactions: (
        id: string,
        at: { readonly cursor?: string; readonly limit?: number } = {}
      ): Promise<typeof Statement.Encoded> => call("GET", `/api/payments/v1/accounts/${id}/transactions${query(at)}`),
      payment: (orderId: string): Promise<PaymentView> => call("GET", `/api/payments/v1/payments/${orderId}`)
    }
  }
}

export type StoreApi = ReturnType<typeof makeStoreApi>

/** Seconds after which the same request may fare better; undefined when it will not. */
const passing = ({ retryAfter, status, type }: StoreProblem): number | undefined => {
  // The same request, sent before, is still being worked on: its answer comes to whoever asks later.
  if (status === 503 || status === 429 || type === "urn:g-store:idempotency-key-in-use") return retryAfter ?? 1
  return status === 502 || status === 504 ? 1 : undefined
}

/** Made of random bytes: crypto.randomUUID is missing in pages that came over plain HTTP from another machine. */
const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")

const query = (values: Query): string => {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]
  )
  return given.length === 0 ? "" : `?${given.join("&")}`
}

const membersOf = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
