import { Effect } from "effect"
import { randomInt } from "node:crypto"
import { createServer } from "node:net"

/** Below the range of outgoing connections, so that nothing takes the port of a process that is down. */
const lowest = 15_000
const highest = 30_000

/** A port of 127.0.0.1 that nobody listens on just now. */
export const freePort: Effect.Effect<number> = Effect.callback<number>((resume) => {
  const port = randomInt(lowest, highest)
  const server = createServer().once("error", () => resume(freePort))
  server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(port))))
})
