import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { createServer } from "node:net"
import { watchedSockets } from "../src/kafka/sockets.ts"

describe("A connection to Kafka that is gone", () => {
  it("keeps nothing of how often it was given up", async () => {
    const server = createServer((other) => other.destroy()).listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    assert(typeof address === "object" && address !== null)
    const socket = watchedSockets(60_000)({ host: "127.0.0.1", port: address.port, onConnect: () => undefined })
    socket.resume()
    await once(socket, "close")
    const before = socket.listenerCount("connect")
    for (let time = 0; time < 11; time++) socket.unref()
    assert.strictEqual(socket.listenerCount("connect"), before)
    server.close()
  })
})
