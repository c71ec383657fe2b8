import { closeCodes } from "@g-store/contracts/Socket.ts"
import type { Frame } from "./Frames.ts"
import type { SocketLimits } from "./SocketLimits.ts"
import type { Connection, SocketSession } from "./SocketSession.ts"

const TOO_SLOW = "you do not read fast enough: connect again and resume"

/** What a wire needs of a WebSocket. */
export interface Socket {
  readonly isOpen: boolean
  /** Bytes that wait for the peer to read. */
  readonly bufferedAmount: number
  /** Writes bytes that are frames already. */
  readonly writeFrames: (bytes: Buffer) => void
  readonly ping: () => void
  readonly close: (code: number, reason: string) => void
  readonly terminate: () => void
}

export interface WiresOptions {
  readonly limits: SocketLimits
  /** Frames as bytes for the raw socket. */
  readonly framing: (frame: Frame) => Buffer
  /** Told when a peer is cut off because it does not read. */
  readonly onSlow: () => void
  /** Told when a socket has gone. */
  readonly onGone: (wire: Wire) => void
}

/** What the wires of a replica have in common. */
interface Wires extends WiresOptions {
  /** Pings of a peer between two beats; more close its socket. */
  readonly mostPings: number
  /** So many frames were sent. */
  readonly onSent: (frames: number) => void
  /** Flushes this wire at the end of the turn of the event loop. */
  readonly flushSoon: (wire: Wire) => void
  /** Frames as one piece. */
  readonly join: (frames: ReadonlyArray<Buffer>) => Buffer
}

/** One socket as a session's connection: it sends frames, and takes what comes to the session. */
export class Wire implements Connection {
  private readonly wires: Wires
  private readonly socket: Socket
  private session: SocketSession | undefined
  private frames: Array<Buffer> | undefined
  private isClosing = false
  private isAlive = true
  private pings = 0
  private cut: NodeJS.Timeout | undefined

  constructor(wires: Wires, socket: Socket) {
    this.wires = wires
    this.socket = socket
  }

  /** What comes goes to this session from now on. */
  attach(session: SocketSession): void {
    this.session = session
  }

  send(frame: Frame): void {
    if (this.isClosing) return
    const bytes = this.wires.framing(frame)
    if (this.frames !== undefined) return void this.frames.push(bytes)
    this.frames = [bytes]
    this.wires.flushSoon(this)
  }

  close(code: number, reason: string): void {
    this.flush()
    this.end(code, reason)
  }

  /** Writes what was sent in this turn. */
  flush(): void {
    const { frames, socket, wires } = this
    this.frames = undefined
    if (frames === undefined || !socket.isOpen) return
    socket.writeFrames(wires.join(frames))
    wires.onSent(frames.length)
    if (socket.bufferedAmount <= wires.limits.bufferedBytes || this.isClosing) return
    wires.onSlow()
    this.end(closeCodes.slowConsumer, TOO_SLOW, wires.limits.slowCloseMillis)
  }

  /** Cuts a peer that has not been heard of since the last beat, and asks the others for a sign. */
  beat(): void {
    this.pings = 0
    if (!this.isAlive) return this.end(closeCodes.noPong, "no pong")
    this.isAlive = false
    if (this.socket.isOpen) this.socket.ping()
  }

  /** The peer sent text, or undefined for a frame that is no text. */
  onMessage(text: string | undefined): void {
    this.isAlive = true
    if (!this.isClosing) this.session?.receive(text)
  }

  onPong(): void {
    this.isAlive = true
  }

  /** Each is answered, also to a peer that floods us with them and reads nothing. */
  onPing(): void {
    this.isAlive = true
    if (++this.pings > this.wires.mostPings) this.end(closeCodes.tooManyMessages, "too many pings")
  }

  /** The socket is gone. */
  onClose(): void {
    this.frames = undefined
    this.isClosing = true
    clearTimeout(this.cut)
    this.session?.end()
    this.wires.onGone(this)
  }

  private end(code: number, reason: string, patience = this.wires.limits.closeMillis): void {
    if (this.isClosing) return
    this.isClosing = true
    this.socket.close(code, reason)
    this.cut = setTimeout(() => this.socket.terminate(), patience)
    this.cut.unref()
  }
}

/** Frames of one turn of the event loop leave in one write for each socket. Build one per Layer. */
export const makeWires = (options: WiresOptions) => {
  const waiting: Array<Wire> = []
  let sent = 0
  const flushAll = () => {
    for (const wire of waiting.splice(0)) wire.flush()
    joined = undefined
  }
  // A burst says the same to many sockets, one after the other.
  let joined: { readonly frames: ReadonlyArray<Buffer>; readonly bytes: Buffer } | undefined
  const isJoined = (frames: ReadonlyArray<Buffer>) =>
    joined?.frames.length === frames.length && frames.every((frame, nth) => frame === joined?.frames[nth])

  const wires: Wires = {
    ...options,
    mostPings: Math.ceil(options.limits.messagesPerSecond * options.limits.pingMillis / 1_000),
    onSent: (frames) => {
      sent += frames
    },
    flushSoon: (wire) => {
      if (waiting.push(wire) === 1) setImmediate(flushAll)
    },
    join: (frames) => {
      const [first] = frames
      if (first !== undefined && frames.length === 1) return first
      if (joined === undefined || !isJoined(frames)) joined = { frames, bytes: Buffer.concat(frames) }
      return joined.bytes
    }
  }
  return {
    hold: (socket: Socket): Wire => new Wire(wires, socket),
    /** How many frames were sent since this was last asked. */
    takeSent: (): number => {
      const count = sent
      sent = 0
      return count
    }
  }
}
