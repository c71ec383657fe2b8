import type { ClientFrame, ServerFrame } from "@g-store/contracts/Socket.ts"
import { openSocket, type SocketLike } from "./SocketLike.ts"
import { platform, type Surroundings } from "./Surroundings.ts"

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
  /** Time and chance; the platform's if absent. */
  readonly surroundings?: Surroundings | undefined
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
/** The server had too much of us, messages or sockets: coming back at once would only be more of it. */
const TOO_MUCH_CODE = 4429

/**
 * One WebSocket after another: authenticates each, asks for signs of life, and connects again with growing delays and
 * jitter whenever one is lost. Knows nothing of orders.
 */
export class Connection {
  private readonly options: ConnectionOptions
  private readonly surroundings: Surroundings
  private socket: SocketLike | undefined
  private ready = false
  private token: string | undefined
  private ended = false
  private tries = 0
  /** Each of them ends a timer that runs. */
  private retry: (() => void) | undefined
  private ping: (() => void) | undefined
  private silence: (() => void) | undefined
  private steady: (() => void) | undefined
  private renewal: (() => void) | undefined

  constructor(options: ConnectionOptions) {
    this.options = options
    this.surroundings = options.surroundings ?? platform
    globalThis.addEventListener?.("online", this.now)
    this.open()
  }

  /** Sends a frame if the connection is ready, and says whether; else onReady tells when to say it again. */
  send(frame: Outgoing): boolean {
    if (!this.ready || this.socket?.readyState !== OPEN) return false
    this.socket.send(JSON.stringify(frame))
    return true
  }

  close(): void {
    this.end("closed by the application")
    this.socket?.close(1000)
  }

  /** The network came back: no reason to wait any longer. */
  private readonly now = (): void => {
    if (this.retry === undefined) return
    this.retry()
    this.retry = undefined
    this.open()
  }

  private open(): void {
    if (this.ended) return
    this.options.onState("connecting", undefined)
    this.withToken((token) => this.connect(token), (error) => this.later(reasonOf(error)))
  }

  /** A token that is at hand is used at once, so that nothing here needs a promise but for one that has to be fetched. */
  private withToken(use: (token: string) => void, fail: (error: unknown) => void): void {
    let token: string | Promise<string>
    try {
      token = this.options.token()
    } catch (error) {
      return fail(error)
    }
    if (typeof token === "string") use(token)
    else void token.then(use, fail)
  }

  private connect(token: string): void {
    if (this.ended) return
    const connect = this.options.connect ?? openSocket
    let socket: SocketLike
    try {
      socket = connect(this.options.url, [SUBPROTOCOL])
    } catch (error) {
      return this.later(reasonOf(error))
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
      this.steady = this.surroundings.later(STEADY_MILLIS, () => (this.tries = 0))
      this.askLater(socket)
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

  private askLater(socket: SocketLike): void {
    this.ping = this.surroundings.later(PING_MILLIS, () => {
      this.send({ type: "ping" })
      this.expectAnswer(socket)
      this.askLater(socket)
    })
  }

  private expectAnswer(socket: SocketLike): void {
    this.silence ??= this.surroundings.later(ANSWER_MILLIS, () => this.drop(socket, "no answer"))
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
    const wait = ends - this.surroundings.now() - RENEW_MILLIS
    this.renewal = this.surroundings.later(
      Math.min(Math.max(wait, RENEW_MILLIS), LONGEST_TIMER),
      () => this.renew(socket)
    )
  }

  private renew(socket: SocketLike): void {
    // Without a new one the token in use holds a little longer; at its end the socket closes and the reason is told.
    this.withToken((token) => {
      this.token = token
      if (socket !== this.socket) return
      this.send({ type: "authenticate", token })
      this.renewLater(socket)
    }, () => {})
  }

  private heard(): void {
    this.silence?.()
    this.silence = undefined
  }

  private lost(code: number, reason: string): void {
    this.socket = undefined
    this.ready = false
    this.stopTimers()
    if (FINAL_CODES.has(code)) return this.end(reason)
    this.later(reason === "" ? `the connection was lost (${code})` : reason, code === TOO_MUCH_CODE)
  }

  private stopTimers(): void {
    this.ping?.()
    this.steady?.()
    this.renewal?.()
    this.heard()
  }

  /** Tries again after the next delay, or the longest there is. */
  private later(reason: string, patiently = false): void {
    if (this.ended) return
    const { first, longest } = this.options.delays ?? { first: 300, longest: 15_000 }
    const next = patiently ? longest : Math.min(longest, first * 2 ** Math.min(this.tries, 10))
    this.tries++
    const delay = next * (0.5 + this.surroundings.random() / 2)
    this.options.onState("waiting", reason)
    this.retry = this.surroundings.later(delay, () => {
      this.retry = undefined
      this.open()
    })
  }

  private end(reason: string): void {
    if (this.ended) return
    this.ended = true
    this.retry?.()
    this.retry = undefined
    this.stopTimers()
    globalThis.removeEventListener?.("online", this.now)
    this.options.onState("closed", reason)
  }
}

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

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
