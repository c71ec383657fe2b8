import { assert, describe, it, vi } from "@effect/vitest"
import { defaultLimits } from "../src/SocketLimits.ts"
import { makeWires, type Socket } from "../src/Wire.ts"

/** Everything that was done to a socket, and by whom it was heard of. */
const held = (limits: { readonly bufferedBytes?: number } = {}) => {
  const done: Array<string> = []
  const peer = { isReading: true }
  let buffered = 0
  const socket: Socket = {
    isOpen: true,
    get bufferedAmount() {
      return buffered
    },
    writeFrames: (bytes) => {
      done.push(`wrote ${bytes}`)
      if (!peer.isReading) buffered += bytes.length
    },
    ping: () => done.push("pinged"),
    close: (code) => done.push(`closed with ${code}`),
    terminate: () => done.push("cut")
  }
  const { hold } = makeWires({
    limits: { ...defaultLimits, ...limits },
    framing: (frame) => Buffer.from(frame),
    onSlow: () => done.push("counted as slow"),
    onGone: () => done.push("gone")
  })
  const wire = hold(socket)
  return { done, peer, say: (frame: string) => wire.send(frame), wire }
}
const endOfTurn = () => new Promise<void>((resume) => setImmediate(resume))

describe("a wire", () => {
  it("is closed with 1013 as soon as more waits for its peer than may, and sends it nothing more", async () => {
    const { done, peer, say, wire } = held({ bufferedBytes: 8 })
    peer.isReading = false
    say("12345678")
    await endOfTurn()
    assert.deepStrictEqual(done.splice(0), ["wrote 12345678"])
    say("9")
    await endOfTurn()
    assert.deepStrictEqual(done.splice(0), ["wrote 9", "counted as slow", "closed with 1013"])
    peer.isReading = true
    say("and more")
    wire.close(1012, "this replica goes away")
    await endOfTurn()
    assert.deepStrictEqual(done, [])
    wire.onClose()
    assert.deepStrictEqual(done, ["gone"])
  })

  it("gives a peer that was too slow time to read what waits and the close behind it, and then cuts it", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    try {
      const { done, peer, say } = held({ bufferedBytes: 1 })
      peer.isReading = false
      say("12")
      await endOfTurn()
      vi.advanceTimersByTime(defaultLimits.slowCloseMillis - 1)
      assert.deepStrictEqual(done.splice(0), ["wrote 12", "counted as slow", "closed with 1013"])
      vi.advanceTimersByTime(1)
      assert.deepStrictEqual(done, ["cut"])
    } finally {
      vi.useRealTimers()
    }
  })

  it("stays open for a peer that reads, however much it is sent", async () => {
    const { done, say } = held({ bufferedBytes: 8 })
    for (let nth = 0; nth < 5; nth++) {
      say("12345678")
      await endOfTurn()
    }
    assert.deepStrictEqual(done, Array.from({ length: 5 }, () => "wrote 12345678"))
  })

  it("sends what belongs to one turn in one write, in order, and what was sent before a close before it", async () => {
    const { done, say, wire } = held()
    say("a")
    say("b")
    await endOfTurn()
    say("c")
    wire.close(1012, "this replica goes away")
    say("d")
    await endOfTurn()
    assert.deepStrictEqual(done, ["wrote ab", "wrote c", "closed with 1012"])
  })

  it("asks for a sign at a beat, and is closed with 4408 at the next one without any", () => {
    const { done, wire } = held()
    wire.beat()
    wire.onPong()
    wire.beat()
    wire.beat()
    assert.deepStrictEqual(done, ["pinged", "pinged", "closed with 4408"])
  })
})

describe("wires of one replica", () => {
  it("share the bytes of what they all send, and keep apart what only some do", async () => {
    const written: Array<Buffer> = []
    const { hold } = makeWires({
      limits: defaultLimits,
      framing: (frame) => frame instanceof Buffer ? frame : Buffer.from(frame),
      onSlow: () => {},
      onGone: () => {}
    })
    const socket: Socket = {
      isOpen: true,
      bufferedAmount: 0,
      writeFrames: (bytes) => void written.push(bytes),
      ping: () => {},
      close: () => {},
      terminate: () => {}
    }
    const wires = [hold(socket), hold(socket), hold(socket)]
    const events = [Buffer.from("1"), Buffer.from("2")]
    for (const event of events) for (const wire of wires) wire.send(event)
    wires[2]?.send("3")
    await endOfTurn()
    assert.deepStrictEqual(written.map(String), ["12", "12", "123"])
    assert.strictEqual(written[0], written[1])
  })
})
