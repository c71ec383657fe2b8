import type { ISocketFactoryArgs } from "kafkajs"
import { connect, isIP, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"

/** In milliseconds, as kafkajs has it: how long a connection is idle before TCP asks whether the other end lives. */
const KEEP_ALIVE = 60_000

/** Silence is counted in so many looks: timers of a process that was frozen fire once, however long that was. */
const LOOKS = 4

/**
 * Ends a connection on which something was said and nothing has been heard for so long. kafkajs gives up the request
 * alone and says the next one into the same dead connection: a producer would never publish again.
 */
const watch = (socket: Socket, silence: number): void => {
  let heard = 0
  let said = 0
  let quiet = 0
  const look = (): void => {
    const isQuiet = socket.bytesRead === heard && socket.bytesWritten > said
    if (!isQuiet) said = socket.bytesWritten
    heard = socket.bytesRead
    quiet = isQuiet ? quiet + 1 : 0
    if (quiet < LOOKS) return
    socket.destroy(new Error(`the broker said nothing for ${silence / 1000} s: the connection is taken for broken`))
  }
  const looking = setInterval(look, silence / LOOKS)
  socket.once("close", () => clearInterval(looking))
}

/**
 * kafkajs says unref of a connection whenever it gives it up, for each request that fails with it. Node keeps that in mind
 * for the time when the connection is made: for one that is gone a listener more each time, and a warning at the eleventh.
 */
const forgetful = (socket: Socket): void => {
  const { unref } = socket
  socket.unref = () => socket.destroyed ? socket : unref.call(socket)
}

/** For plain connections kafkajs gives no options of TLS, whatever its type says. */
type Asked = Omit<ISocketFactoryArgs, "ssl"> & Partial<Pick<ISocketFactoryArgs, "ssl">>

/** Connections as kafkajs makes them, each ended when it falls silent for so many milliseconds. */
export const watchedSockets = (silence: number) => ({ host, onConnect, port, ssl }: Asked): Socket => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
    : connect({ host, port }, onConnect)
  socket.setKeepAlive(true, KEEP_ALIVE)
  forgetful(socket)
  watch(socket, silence)
  return socket
}
