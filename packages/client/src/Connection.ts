import type { ClientFrame, ServerFrame } from "@g-store/contracts/Socket.ts"
import { openSocket, type SocketLike } from "./SocketLike.ts"

/** How the connection stands, for people to see. `closed` is for good. */
export type ConnectionState = "connecting" | "open" | "waiting" | "closed"

export type Outgoing = typeof ClientFrame.Encoded
export type Incoming = typeof ServerFrame.Encoded

export interface ConnectionOptions {
  /** `wss://shop.example/ws/orders/` */
  readonly url: string
  /** Asked at every connection and shortly before the last one's end: give a fresh one. */
  readonly token: () => string | Promise<string>
  readonly onFrame: (frame: Incoming) => void
  /** Authenticated: subscriptions may be sent. */
  readonly onReady: () => void
  readonly onState: (state: ConnectionState, reason: string | undefined) => void
  /** Makes a socket; `new WebSocket(url, protocols)` if absent. */
  readonly connect?: ((url: string, protocols: Array<string>) => SocketLike) | undefined
  /** Milliseconds before the first and between later tries; 300 and 15000 if absent. */
  readonly delays?: { readonly first: number; readonly longest: number } | undefined
}

const SUBPROTOCOL = "g-store.v1"
const PING_MILLIS = 25_000
const ANSWER_MILLIS = 10_000
/** A connection that ends sooner than this was no success: the delays go on growing. */
const STEADY_MILLIS = 5_000
/** How long before a token's end the next one is sent, so that the socket stays. */
const RENEW_MILLIS = 30_000
/** What timers can wait at most. */
const LONGEST_TIMER = 2 ** 31 - 1
const OPEN = 1
/** Somebody else's socket: no further try can mend that. */
const FINAL_CODES = new Set([4403])

/**
 * One WebSocket after another: authenticates each, asks for signs of life, and connects again with growing delays and
 * jitter whenever one is lost. Knows nothing of orders.
 */
export class Connection {
  private readonly options: ConnectionOptions
  private socket: SocketLike | undefined
  private ready = false
  private token: string | undefined
  private ended = false
  private tries = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private ping: ReturnType<typeof setInterval> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined
  private steady: ReturnType<typeof setTimeout> | undefined
  private renewal: ReturnType<typeof setTimeout> | undefined

  constructor(options: ConnectionOptions) {
    this.options = options
    globalThis.addEventListener?.("online", this.now)
    void this.open()
  }

  /** Sends a frame if the connection is ready; else onReady tells when to say it again. */
  send(frame: Outgoing): void {
    if (this.ready && this.socket?.readyState === OPEN) this.socket.send(JSON.stringify(frame))
  }

  close(): void {
    this.end("closed by the application")
    this.socket?.close(1000)
  }

  /** The network came back: no reason to wait any longer. */
  private readonly now = (): void => {
    if (this.retry === undefined) return
    clearTimeout(this.retry)
    this.retry = undefined
    void this.open()
  }

  private async open(): Promise<void> {
    if (this.ended) return
    this.options.onState("connecting", undefined)
    let token: string
    try {
      token = await this.options.token()
    } catch (error) {
      return this.later(error instanceof Error ? error.message : String(error))
    }
    if (this.ended) return
    const connect = this.options.connect ?? openSocket
    let socket: SocketLike
    try {
      socket = connect(this.options.url, [SUBPROTOCOL])
    } catch (error) {
      return this.later(error instanceof Error ? error.message : String(error))
    }
    this.socket = socket
    // An address that swallows packets would keep us waiting for minutes.
    this.expectAnswer(socket)
    this.token = token
    // A SocketLike is no EventTarget.
    /* oxlint-disable unicorn/prefer-add-event-listener */
    socket.onopen = () => socket.send(JSON.stringify({ type: "authenticate", token } satisfies Outgoing))
    socket.onmessage = ({ data }) => {
      if (socket === this.socket && typeof data === "string") this.receive(socket, data)
    }
    socket.onerror = () => {}
    socket.onclose = ({ code, reason }) => {
      if (socket === this.socket) this.lost(code, reason)
    }
    /* oxlint-enable unicorn/prefer-add-event-listener */
  }

  private receive(socket: SocketLike, data: string): void {
    const frame = read(data)
    // Somebody else answers at this address, or the two of us do not speak the same language.
    if (frame === undefined) return this.drop(socket, "the answer is not JSON")
    if (this.ready) this.heard()
    if (frame.type === "authenticated" && !this.ready) {
      this.ready = true
      this.heard()
      this.steady = setTimeout(() => (this.tries = 0), STEADY_MILLIS)
      this.ping = setInterval(() => this.ask(socket), PING_MILLIS)
      this.renewLater(socket)
      this.options.onState("open", undefined)
      this.options.onReady()
    }
    // The server keeps a socket that failed to authenticate open for a while; a fresh token needs a fresh socket.
    if (frame.type === "error" && frame.data.code === "UNAUTHENTICATED" && !this.ready) {
      return socket.close(4000, frame.data.message)
    }
    this.options.onFrame(frame)
  }

  private ask(socket: SocketLike): void {
    this.send({ type: "ping" })
    this.expectAnswer(socket)
  }

  private expectAnswer(socket: SocketLike): void {
    this.silence ??= setTimeout(() => this.drop(socket, "no answer"), ANSWER_MILLIS)
  }

  /** Gives a socket up without waiting for its goodbye, which may never come. */
  private drop(socket: SocketLike, reason: string): void {
    socket.close(4000, reason)
    if (socket === this.socket) this.lost(4000, reason)
  }

  /** Sends a fresh token shortly before the one in use ends. Where that fails, the server closes and we begin anew. */
  private renewLater(socket: SocketLike): void {
    const ends = this.token === undefined ? undefined : endOf(this.token)
    if (ends === undefined) return
    const wait = ends - Date.now() - RENEW_MILLIS
    this.renewal = setTimeout(() => void this.renew(socket), Math.min(Math.max(wait, RENEW_MILLIS), LONGEST_TIMER))
  }

  private async renew(socket: SocketLike): Promise<void> {
    try {
      this.token = await this.options.token()
    } catch {
      // The token in use holds a little longer; at its end the socket closes and the reason is told.
      return
    }
    if (socket !== this.socket) return
    this.send({ type: "authenticate", token: this.token })
    this.renewLater(socket)
  }

  private heard(): void {
    clearTimeout(this.silence)
    this.silence = undefined
  }

  private lost(code: number, reason: string): void {
    this.socket = undefined
    this.ready = false
    this.stopTimers()
    if (FINAL_CODES.has(code)) return this.end(reason)
    this.later(reason === "" ? `the connection was lost (${code})` : reason)
  }

  private stopTimers(): void {
    clearInterval(this.ping)
    clearTimeout(this.steady)
    clearTimeout(this.renewal)
    this.heard()
  }

  private later(reason: string): void {
    if (this.ended) return
    const { first, longest } = this.options.delays ?? { first: 300, longest: 15_000 }
    const delay = Math.min(longest, first * 2 ** Math.min(this.tries++, 10)) * (0.5 + Math.random() / 2)
    this.options.onState("waiting", reason)
    this.retry = setTimeout(() => {
      this.retry = undefined
      void this.open()
    }, delay)
  }

  private end(reason: string): void {
    if (this.ended) return
    this.ended = true
    clearTimeout(this.retry)
    this.retry = undefined
    this.stopTimers()
    globalThis.removeEventListener?.("online", this.now)
    this.options.onState("closed", reason)
  }
}

const read = (data: string): Incoming | undefined => {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** When a JWT ends, in milliseconds since the epoch; undefined for what is none or has no end. */
const endOf = (token: string): number | undefined => {
  try {
    const claims: unknown = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")))
    const exp = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : undefined
    return typeof exp === "number" ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}
