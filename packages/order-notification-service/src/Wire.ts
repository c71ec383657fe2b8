import { closeCodes } from "@g-store/contracts/Socket.ts"
import { Deferred, Effect } from "effect"
import type { Duplex } from "node:stream"
import type { WebSocket } from "ws"
import type { Frame } from "./Frames.ts"
import type { SocketLimits } from "./SocketLimits.ts"
import type { Connection, SocketSession } from "./SocketSession.ts"

/** One `ws` socket as a session's connection. Frames of one turn of the event loop leave in one write. */
export interface Wire extends Connection {
  /** From now on the session gets what comes, and at first what has come already. */
  readonly attach: (session: SocketSession) => void
  /** Cuts a peer that has not been heard of since the last beat, and asks the others for a sign. */
  readonly beat: () => void
  /** How many frames were sent since this was last asked. */
  readonly takeSent: () => number
  /** Done once the socket is gone. */
  readonly closed: Deferred.Deferred<void>
}

export interface WireOptions {
  /** The raw socket beneath. */
  readonly stream: Duplex
  readonly limits: SocketLimits
  /** Frames as bytes for the raw socket. */
  readonly framing: (frame: Frame) => Buffer
  /** Told when the peer is cut off because it does not read. */
  readonly onSlow: () => void
}

export const makeWire = (socket: WebSocket, { framing, limits, onSlow, stream }: WireOptions): Wire => {
  const closed = Deferred.makeUnsafe<void>()
  let session: SocketSession | undefined
  let early: Array<string | undefined> = []
  let frames: Array<Buffer> = []
  let closing = false
  let alive = true
  let sent = 0
  let pings = 0
  const mostPings = Math.ceil(limits.messagesPerSecond * limits.pingMillis / 1_000)

  const end = (code: number, reason: string): void => {
    if (closing) return
    closing = true
    socket.close(code, reason)
    const cut = setTimeout(() => socket.terminate(), limits.closeMillis)
    cut.unref()
    socket.once("close", () => clearTimeout(cut))
  }
  const flush = (): void => {
    const now = frames
    if (now.length === 0) return
    frames = []
    if (socket.readyState !== socket.OPEN) return
    // One write for all of them, past ws: a write costs far more than the bytes.
    stream.write(now.length === 1 ? now[0] : Buffer.concat(now))
    sent += now.length
    if (socket.bufferedAmount <= limits.bufferedBytes || closing) return
    onSlow()
    end(closeCodes.slowConsumer, "you do not read fast enough: connect again and resume")
  }

  socket.on("pong", () => {
    alive = true
  })
  // Each is answered, also to a peer that floods us with them and reads nothing.
  socket.on("ping", () => {
    alive = true
    if (++pings > mostPings) end(closeCodes.tooManyMessages, "too many pings")
  })
  // ws has closed it with the right code already (1009, 1007, ...): the close event follows.
  socket.on("error", () => {})
  socket.on("message", (data, isBinary) => {
    alive = true
    if (closing) return
    const text = isBinary ? undefined : String(data)
    if (session === undefined) early.push(text)
    else session.receive(text)
  })
  socket.once("close", () => {
    frames = []
    Deferred.doneUnsafe(closed, Effect.void)
  })

  return {
    closed,
    attach: (made) => {
      session = made
      for (const text of early) made.receive(text)
      early = []
    },
    send: (frame) => {
      if (frames.length === 0) setImmediate(flush)
      frames.push(framing(frame))
    },
    close: (code, reason) => {
      flush()
      end(code, reason)
    },
    beat: () => {
      pings = 0
      if (!alive) return end(closeCodes.noPong, "no pong")
      alive = false
      if (socket.readyState === socket.OPEN) socket.ping()
    },
    takeSent: () => {
      const count = sent
      sent = 0
      return count
    }
  }
}
