import { makeStoreApi } from "@g-store/client/StoreApi.ts"
import { signal } from "@preact/signals"
import type { Settings } from "./Settings.ts"

/** Who this tab is. */
export interface Session {
  readonly userId: string
  readonly token: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** A fresh token is to be had by asking: not so for a pasted one. */
  readonly renewable: boolean
  readonly staffKey?: string
}

export type SessionKind = "customer" | "staff"

/** Why a pasted token was not taken. */
export type TokenFault = "tokenUnreadable" | "tokenOfStaff" | "tokenExpired"

/** A token that is over and cannot be renewed: only signing in again helps. */
export class SessionOver extends Error {}

const CUSTOMERS = "g-store.customers"
const REMEMBERED = 5
const EARLY_MILLIS = 60_000

/** Who is signed in: kept for the tab, so that a reload changes nothing and two tabs can be two people. */
export class Sessions {
  readonly current
  /** The last session ended by itself: whoever is asked to sign in again is told so. */
  readonly isOver = signal(false)
  private readonly kind: SessionKind
  private readonly settings: Settings
  private renewing: Promise<Session> | undefined

  constructor(kind: SessionKind, settings: Settings) {
    this.kind = kind
    this.settings = settings
    this.current = signal<Session | undefined>(parse<Session>(sessionStorage.getItem(this.key)))
  }

  /** As a demo customer: a new one without an id. */
  async signIn(userId?: string): Promise<void> {
    this.take(await this.ask(userId === undefined ? {} : { userId }, undefined))
  }

  async signInAsStaff(staffKey: string): Promise<void> {
    this.take(await this.ask({ role: "staff" }, staffKey))
  }

  signInWithToken(text: string): TokenFault | undefined {
    const token = text.trim().replace(/^Bearer\s+/i, "")
    const claims = claimsOf(token)
    if (claims === undefined) return "tokenUnreadable"
    if (claims["role"] === "staff") return "tokenOfStaff"
    const expiresAt = typeof claims["exp"] === "number" ? claims["exp"] * 1000 : Number.MAX_SAFE_INTEGER
    if (expiresAt <= Date.now()) return "tokenExpired"
    this.take({ userId: String(claims["sub"] ?? ""), token, expiresAt, renewable: false })
    return undefined
  }

  signOut(): void {
    sessionStorage.removeItem(this.key)
    this.current.value = undefined
    this.isOver.value = false
  }

  /** For the API: a token that the store no longer takes is not used again. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const used = this.current.value
    const response = await globalThis.fetch(input, init)
    if (response.status === 401 && used !== undefined && used === this.current.value) this.distrust()
    return response
  }

  /** The store refused the token: a fresh one is asked for next time, where there is one to be had. */
  distrust(): void {
    const session = this.current.value
    if (session === undefined) return
    if (session.renewable) this.take({ ...session, expiresAt: 0 })
    else this.expire()
  }

  private expire(): void {
    this.signOut()
    this.isOver.value = true
  }

  /** Customers that were signed in on this machine, the last one first. */
  get remembered(): ReadonlyArray<string> {
    return parse<ReadonlyArray<string>>(localStorage.getItem(CUSTOMERS)) ?? []
  }

  /** A token that still holds for a while; ends in SessionOver when there is none to be had. */
  async token(): Promise<string> {
    const session = this.current.value
    if (session === undefined) throw new SessionOver()
    if (session.expiresAt - EARLY_MILLIS > Date.now()) return session.token
    if (!session.renewable) {
      if (session.expiresAt > Date.now()) return session.token
      this.expire()
      throw new SessionOver()
    }
    const role = this.kind === "staff" ? { role: "staff" as const } : {}
    this.renewing ??= this.ask({ userId: session.userId, ...role }, session.staffKey)
    try {
      const renewed = await this.renewing
      if (this.current.value?.userId === renewed.userId) this.take(renewed)
      return renewed.token
    } finally {
      this.renewing = undefined
    }
  }

  private get key(): string {
    return `g-store.${this.kind}`
  }

  private async ask(request: { userId?: string; role?: "staff" }, staffKey: string | undefined): Promise<Session> {
    const api = makeStoreApi({ baseUrl: this.settings.gateway, staffKey })
    const { accessToken, expiresIn, userId } = await api.identity.token(request)
    return {
      userId,
      token: accessToken,
      expiresAt: Date.now() + expiresIn * 1000,
      renewable: true,
      ...(staffKey === undefined ? {} : { staffKey })
    }
  }

  private take(session: Session): void {
    sessionStorage.setItem(this.key, JSON.stringify(session))
    if (this.kind === "customer" && session.renewable) {
      const others = this.remembered.filter((id) => id !== session.userId)
      localStorage.setItem(CUSTOMERS, JSON.stringify([session.userId, ...others].slice(0, REMEMBERED)))
    }
    this.current.value = session
    this.isOver.value = false
  }
}

const parse = <A>(text: string | null): A | undefined => {
  if (text === null) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const claimsOf = (token: string): Readonly<Record<string, unknown>> | undefined => {
  const parts = token.split(".")
  if (parts.length !== 3) return undefined
  try {
    const text = atob((parts[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))
    return parse<Record<string, unknown>>(text)
  } catch {
    return undefined
  }
}
