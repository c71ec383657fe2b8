import { Context, Duration, Effect } from "effect"
import { connect, type NetConnectOpts, type Socket } from "node:net"

/**
 * How long PostgreSQL may say nothing on a connection. Longer than the statement_timeout of 10 s, so a server that is
 * only slow has answered by then. What stays silent for longer is a connection that broke without a word (a cable, a
 * firewall that forgot it, a frozen host): TCP would let everything that waits on it wait for a quarter of an hour, and
 * keep-alive does not look while something unacknowledged is under way.
 */
const SILENCE = Duration.seconds(12)
/**
 * Silence is counted in so many looks at the connection. Timers of a process that was itself frozen fire once, however
 * long that was, so it reads what has arrived meanwhile before it judges.
 */
const LOOKS = 4

type Lifted = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Lifts the bound on the silence of the pool at hand, for statements without a timeout: while it runs, no connection of
 * the pool is given up.
 */
export const LiftSilence = Context.Reference<Lifted>("@g-store/service-kit/DatabaseSocket/LiftSilence", {
  defaultValue: () => (self) => self
})

/** As the driver reads a URL: a host that begins with `/` is the folder of a Unix socket. */
const target = (url: URL): NetConnectOpts => {
  const host = url.searchParams.get("host") ?? decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, "$1"))
  const port = Number(url.searchParams.get("port") ?? (url.port || 5432))
  return host.startsWith("/")
    ? { path: `${host}/.s.PGSQL.${port}` }
    : { host: host === "" ? "localhost" : host, port, noDelay: true }
}

/**
 * Counted from what was heard last, not from what was said: others go on writing on a connection that is dead already.
 * An idle one goes as well, as it would by the pool's own rule a little later; the pool opens another when it needs one.
 * The count of bytes is the same beneath TLS, and costs nothing when they come.
 */
const watch = (socket: Socket, silence: number, isLifted: () => boolean): void => {
  let heard = 0
  let quiet = 0
  const look = (): void => {
    const isQuiet = socket.bytesRead === heard && !socket.isPaused() && !isLifted()
    heard = socket.bytesRead
    quiet = isQuiet ? quiet + 1 : 0
    if (quiet < LOOKS) return
    socket.destroy(new Error(`PostgreSQL said nothing for ${silence / 1000} s: the connection is taken for broken`))
  }
  const looking = setInterval(look, silence / LOOKS)
  socket.once("close", () => clearInterval(looking))
}

/** The sockets of one pool, each given up when it falls silent, and how that is lifted. */
export const watchedSockets = (url: URL, silence: Duration.Duration = SILENCE) => {
  let lifts = 0
  const lift: Lifted = (self) =>
    Effect.acquireUseRelease(Effect.sync(() => void lifts++), () => self, () => Effect.sync(() => void lifts--))
  return {
    lift,
    /** A new connection to the server of the URL. */
    open: (): Socket => {
      const socket = connect(target(url))
      watch(socket, Duration.toMillis(silence), () => lifts > 0)
      return socket
    }
  }
}
