import { Effect } from "effect"
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http"

/** What a gateway knows of the replicas behind it: the prefix of a service's paths, and where its replicas listen. */
export type Upstreams = Readonly<Record<string, ReadonlyArray<number>>>

const unavailable = (why: string) =>
  JSON.stringify({
    type: "urn:g-store:service-unavailable",
    title: "Service unavailable",
    status: 503,
    detail: `The service behind this address does not answer (${why}). Try again in a second.`
  })

/**
 * Sends each request to the next replica, and to the one after where nobody listens, as nginx does in front of
 * containers: a request that a replica may have begun is not sent twice. When none answers: 503 with Retry-After.
 */
const listener = (upstreams: Upstreams, agent: Agent | false) => {
  let turn = 0
  return (incoming: IncomingMessage, answer: ServerResponse) => {
    const [, prefix = "", path = "/"] = /^\/api\/([a-z]+)(\/.*)$/.exec(incoming.url ?? "") ?? []
    const ports = upstreams[prefix] ?? []
    const first = turn++
    const parts: Array<Buffer> = []
    incoming.on("data", (part: Buffer) => void parts.push(part))
    incoming.once("end", () => {
      const attempt = (nth: number, why: string): void => {
        const port = ports[(first + nth) % ports.length]
        if (nth >= ports.length || port === undefined) {
          if (answer.headersSent) return void answer.destroy()
          answer.writeHead(503, { "content-type": "application/problem+json", "retry-after": "1", "x-gateway": "yes" })
          return void answer.end(unavailable(why))
        }
        const outgoing = request({
          host: "127.0.0.1",
          port,
          path,
          method: incoming.method,
          headers: { ...incoming.headers, connection: agent === false ? "close" : "keep-alive" },
          agent
        }, (reply) => {
          const { connection: _, ...headers } = reply.headers
          answer.writeHead(reply.statusCode ?? 502, headers)
          reply.pipe(answer)
          reply.once("error", () => answer.destroy())
        })
        outgoing.once(
          "error",
          (error: Error & { readonly code?: string }) =>
            attempt(error.code === "ECONNREFUSED" ? nth + 1 : ports.length, error.message)
        )
        outgoing.end(Buffer.concat(parts))
      }
      attempt(0, "there is no replica")
    })
  }
}

/**
 * A gateway on a free port of 127.0.0.1 until the scope ends; answers its address. With `keepAlive` it uses connections
 * to the replicas for many requests, so that a replica that stops has to close them without losing one.
 */
export const roundRobin = (upstreams: Upstreams, keepAlive = false) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const agent = keepAlive && new Agent({ keepAlive })
      const server = createServer(listener(upstreams, agent))
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const close = () => {
          server.close()
          server.closeAllConnections()
          if (agent !== false) agent.destroy()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ url }) => url))
