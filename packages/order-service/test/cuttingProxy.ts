import { Effect, Redacted } from "effect"
import { connect, createServer, type Socket } from "node:net"

/**
 * What happens to the next thing that a client says:
 * - `pass`: nothing special;
 * - `lose request`: the connection breaks before the server hears it;
 * - `lose answer`: the server does it and answers, but the connection breaks before the client hears;
 * - `leave behind`: the server hears it, and the client loses the connection at once;
 * - `refuse`: as above before the server hears it, and from now on nobody is let in.
 */
export type Cut = "pass" | "lose request" | "lose answer" | "leave behind" | "refuse"

/** Stands between a client and PostgreSQL, and breaks connections at the moment that a test asks for. */
export const cuttingProxy = (target: Redacted.Redacted) =>
  Effect.gen(function*() {
    const { hostname, port } = new URL(Redacted.value(target))
    const sockets = new Set<Socket>()
    let armed: Cut = "pass"
    let cuts = 0

    const server = createServer((client) => {
      if (armed === "refuse") return void client.destroy()
      const upstream = connect(Number(port), hostname)
      sockets.add(client)
      let losing = false
      const end = () => {
        sockets.delete(client)
        client.destroy()
      }
      client.on("data", (data) => {
        const cut = armed
        if (cut === "pass" || losing) return void upstream.write(data)
        cuts++
        if (cut !== "refuse") armed = "pass"
        if (cut === "lose answer" || cut === "leave behind") upstream.write(data)
        if (cut === "lose answer") {
          losing = true
          return
        }
        end()
        if (cut !== "leave behind") upstream.destroy()
      })
      upstream.on("data", (data) => {
        if (losing) {
          end()
          upstream.destroy()
        } else if (!client.destroyed) client.write(data)
      })
      client.on("close", () => {
        if (cuts === 0) upstream.destroy()
      })
      client.on("error", end)
      upstream.on("close", end)
      upstream.on("error", end)
    })

    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    const address = server.address()
    const url = new URL(Redacted.value(target))
    url.hostname = "127.0.0.1"
    url.port = String(typeof address === "object" ? address?.port : address)
    return {
      url: Redacted.make(url.href),
      /** Arms the next cut. */
      arm: (cut: Cut) =>
        Effect.sync(() => {
          armed = cut
        }),
      /** How many connections were cut. */
      cuts: Effect.sync(() => cuts)
    }
  })
