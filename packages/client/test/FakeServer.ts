import type { Incoming, Outgoing } from "../src/Connection.ts"
import type { SocketLike } from "../src/SocketLike.ts"

/** The server's end of one socket. */
export class FakeSocket implements SocketLike {
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  /** What the client said. */
  readonly heard: Array<Outgoing> = []
  closedWith: number | undefined
  answersPings = false

  send(data: string): void {
    const frame: Outgoing = JSON.parse(data)
    this.heard.push(frame)
    if (frame.type === "ping" && this.answersPings) queueMicrotask(() => this.say({ type: "pong" }))
  }

  close(code?: number): void {
    this.closedWith = code
    this.readyState = 3
  }

  say(frame: Incoming): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }

  sayRaw(data: string): void {
    this.onmessage?.({ data })
  }

  /** The connection stands; nothing was said yet. */
  open(): void {
    this.readyState = 1
    this.onopen?.()
  }

  /** The connection stands and the token was taken. */
  accept(): void {
    this.open()
    this.say({ type: "authenticated" })
  }

  lose(code = 1006, reason = ""): void {
    this.readyState = 3
    this.onclose?.({ code, reason })
  }

  last(): Outgoing | undefined {
    return this.heard.at(-1)
  }
}

/** Where the client connects to: every socket that it opened. */
export const fakeServer = () => {
  const sockets: Array<FakeSocket> = []
  return {
    sockets,
    connect: (_url: string, _protocols: Array<string>): SocketLike => {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket
    },
    /** The newest socket. */
    get now(): FakeSocket {
      const socket = sockets.at(-1)
      if (socket === undefined) throw new Error("nobody has connected")
      return socket
    }
  }
}

/** Only what the client waits with: Effect's own scheduling goes on. */
export const fakedTimers = { toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] as const }

/** A JWT as far as a client reads it. */
export const tokenEndingAt = (millis: number): string =>
  `head.${btoa(JSON.stringify({ exp: Math.floor(millis / 1000) }))}.signature`
