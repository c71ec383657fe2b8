import type { ClientFrame, ServerFrame } from "@g-store/contracts/Socket.ts"

/** How the connection stands, for people to see. `closed` is for good. */
export type ConnectionState = "connecting" | "open" | "waiting" | "closed"

export type Outgoing = typeof ClientFrame.Encoded
export type Incoming = typeof ServerFrame.Encoded

/** What this client needs of a WebSocket: browsers' own, Node's, or that of the `ws` package. */
export interface SocketLike {
  readonly readyState: number
  send(data: string): void
  close(code?: number, reason?: string): void
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  onerror: (() => void) | null
}

export interface ConnectionOptions {
  /** `wss://shop.example/ws/orders/` */
  readonly url: string
  /** Asked at every connection and before the token's end is told by the server: give a fresh one. */
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
  private ended = false
  private tries = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private ping: ReturnType<typeof setInterval> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined

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
    const connect = this.options.connect ?? ((url, protocols) => new WebSocket(url, protocols) as SocketLike)
    const socket = connect(this.options.url, [SUBPROTOCOL])
    this.socket = socket
    socket.onopen = () => socket.send(JSON.stringify({ type: "authenticate", token } satisfies Outgoing))
    socket.onmessage = ({ data }) => {
      if (socket === this.socket && typeof data === "string") this.receive(socket, data)
    }
    socket.onerror = () => {}
    socket.onclose = ({ code, reason }) => {
      if (socket === this.socket) this.lost(code, reason)
    }
  }

  private receive(socket: SocketLike, data: string): void {
    this.heard()
    const frame: Incoming = JSON.parse(data)
    if (frame.type === "authenticated" && !this.ready) {
      this.ready = true
      this.tries = 0
      this.ping = setInterval(() => this.ask(socket), PING_MILLIS)
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
    this.silence ??= setTimeout(() => {
      socket.close(4000, "no answer")
      if (socket === this.socket) this.lost(4000, "no answer")
    }, ANSWER_MILLIS)
  }

  private heard(): void {
    clearTimeout(this.silence)
    this.silence = undefined
  }

  private lost(code: number, reason: string): void {
    this.socket = undefined
    this.ready = false
    clearInterval(this.ping)
    this.heard()
    if (FINAL_CODES.has(code)) return this.end(reason)
    this.later(reason === "" ? `the connection was lost (${code})` : reason)
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
    clearInterval(this.ping)
    this.heard()
    globalThis.removeEventListener?.("online", this.now)
    this.options.onState("closed", reason)
  }
}
