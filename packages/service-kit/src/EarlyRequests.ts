import type { IncomingMessage, Server, ServerResponse } from "node:http"

/** In milliseconds: most starts are over by then; who has to wait for longer (for a database, say) is told so. */
const HOLD = 3_000
/** Requests that may wait at once; those beyond are refused. */
const MOST = 200

/**
 * A server listens before its routes are attached. What comes in between waits for them for a moment, since a gateway
 * sends it to nobody else once a replica has taken it; after that, and once routes are gone again, it is refused.
 */
export const holdEarlyRequests = (server: Server, refuse: (response: ServerResponse) => void): void => {
  const early = new Map<ServerResponse, { readonly request: IncomingMessage; readonly timer: NodeJS.Timeout }>()
  let attached = false

  const release = (response: ServerResponse): IncomingMessage | undefined => {
    const held = early.get(response)
    clearTimeout(held?.timer)
    early.delete(response)
    return held?.request
  }
  const attach = (): void => {
    for (const response of early.keys()) {
      const request = release(response)
      if (request !== undefined) server.emit("request", request, response)
    }
  }
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (server.listenerCount("request") > 1) return
    if (attached || early.size >= MOST) return refuse(response)
    const timer = setTimeout(() => {
      release(response)
      refuse(response)
    }, HOLD)
    early.set(response, { request, timer })
    response.once("close", () => release(response))
  })
  // From here on: the listener above is there already.
  server.on("newListener", (event) => {
    if (event !== "request" || attached) return
    attached = true
    // Not yet added when this is called.
    setImmediate(attach)
  })
}
