import { Schema } from "effect"

/** Which server a process is: our edge, or a bare loop over `ws` sockets that says the same. */
export const Kind = Schema.Literals(["edge", "bare"])
export type Kind = typeof Kind.Type

/**
 * What to send: each event to every socket, one a turn; to one socket each, one a turn for each socket; or to every socket,
 * `BURST` in one turn.
 */
export const Mode = Schema.Literals(["to all", "to one each", "bursts to all"])
export type Mode = typeof Mode.Type
export const BURST = 20

/** To a server: prepare so many orders, send so many events, tell how much memory is used after a collection. */
export const ToServer = Schema.Union([
  Schema.Struct({ type: Schema.tag("orders"), count: Schema.Int }),
  Schema.Struct({ type: Schema.tag("send"), mode: Mode, events: Schema.Int, sockets: Schema.Int }),
  Schema.Struct({ type: Schema.tag("usage") })
])
export type ToServer = typeof ToServer.Type

export const FromServer = Schema.Union([
  Schema.Struct({ type: Schema.tag("ready"), url: Schema.String }),
  /** Microseconds of processor time since the start, bytes of memory and of heap in use after a collection. */
  Schema.Struct({ type: Schema.tag("usage"), cpu: Schema.Finite, rss: Schema.Finite, heap: Schema.Finite }),
  Schema.Struct({ type: Schema.tag("done") })
])
export type FromServer = typeof FromServer.Type
