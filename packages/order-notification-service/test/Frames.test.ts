import { assert, describe, it } from "@effect/vitest"
import { Array } from "effect"
import { once } from "node:events"
import { WebSocket, WebSocketServer } from "ws"
import { makeFraming } from "../src/Frames.ts"

describe("frames as bytes", () => {
  it("say the same to whoever reads the protocol, whatever their length, many in a row", async () => {
    const framing = makeFraming()
    const texts = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000].map((length) =>
      "ж".repeat(length / 2) + "x".repeat(length % 2)
    )
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false })
    server.on("connection", (_socket, request) => request.socket.write(Buffer.concat(texts.map(framing))))
    await once(server, "listening")
    const address = server.address()
    const socket = new WebSocket(`ws://127.0.0.1:${typeof address === "string" ? address : address?.port}/`)
    const heard: Array<string> = []
    await new Promise<void>((done) =>
      socket.on("message", (data, isBinary) => {
        heard.push(isBinary ? "binary" : String(data))
        if (heard.length === texts.length) done()
      })
    )
    socket.terminate()
    server.close()
    assert.deepStrictEqual(heard, texts)
  })

  it("that are shared are made once", () => {
    const framing = makeFraming()
    const frame = new TextEncoder().encode("{}")
    assert.strictEqual(framing(frame), framing(frame))
    assert.deepStrictEqual([...framing(frame)], [0x81, 2, ...frame])
    assert.deepStrictEqual(Array.fromIterable(framing("{}")), [0x81, 2, ...frame])
  })
})
