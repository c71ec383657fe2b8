import { Effect, Schema } from "effect"
import { WebSocket } from "ws"

const SUBSCRIBERS = 1_000
const USERS = 40
const RATE = 200
const SECONDS = 10

const Token = Schema.Struct({ accessToken: Schema.String })
const Update = Schema.fromJsonString(Schema.Struct({
  type: Schema.String,
  data: Schema.optionalKey(Schema.Struct({ occurredAt: Schema.optionalKey(Schema.String) }))
}))
const decodeUpdate = Schema.decodeUnknownSync(Update)
const decodeToken = Schema.decodeUnknownSync(Token)

const post = async (url: string, token: string | undefined, body: object) => {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
    },
    body: JSON.stringify(body)
  })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return answer
}

const subscriber = (gateway: string, token: string, latencies: Array<number>) =>
  new Promise<WebSocket>((done, fail) => {
    const url = `${gateway.replace("http", "ws")}/ws/orders/`
    const socket = new WebSocket(url, ["g-store.v1", `bearer.${token}`], { perMessageDeflate: false })
    socket.on("error", fail)
    socket.on("message", (data) => {
      const { data: of, type } = decodeUpdate(String(data))
      if (type === "authenticated") socket.send(JSON.stringify({ type: "subscribe", scope: "mine" }))
      if (type === "subscribed") done(socket)
      if (of?.occurredAt !== undefined) latencies.push(Date.now() - Date.parse(of.occurredAt))
    })
  })

const percentile = (sorted: ReadonlyArray<number>, share: number) => sorted[Math.floor((sorted.length - 1) * share)]

/**
 * Milliseconds from an event's moment in the service that made it (just before its commit) to each of its subscribers,
 * while a store takes orders at a steady rate. Both sides must be on one machine: they share its clock.
 */
export const latency = (gateway: string) =>
  Effect.promise(async () => {
    const users = Array.from({ length: USERS }, async () => {
      const { accessToken } = decodeToken(await post(`${gateway}/api/identity/v1/token`, undefined, {}))
      return accessToken
    })
    const tokens = await Promise.all(users)
    const latencies: Array<number> = []
    const sockets: Array<WebSocket> = []
    for (let n = 0; n < SUBSCRIBERS; n += USERS) {
      sockets.push(...await Promise.all(tokens.map((token) => subscriber(gateway, token, latencies))))
    }
    const from = performance.now()
    const asked: Array<Promise<unknown>> = []
    let failed = 0
    for (let n = 0; n < RATE * SECONDS; n++) {
      const wait = from + n * 1_000 / RATE - performance.now()
      if (wait > 0) await new Promise((done) => setTimeout(done, wait))
      asked.push(
        post(`${gateway}/api/orders/v1/orders`, tokens[n % USERS], { amount: 100 }).catch(() => {
          failed++
        })
      )
    }
    await Promise.all(asked)
    const seconds = (performance.now() - from) / 1_000
    // Without an account each order is cancelled: two events, each to the subscribers of its user.
    const expected = (RATE * SECONDS - failed) * 2 * SUBSCRIBERS / USERS
    const until = performance.now() + 20_000
    while (latencies.length < expected && performance.now() < until) {
      await new Promise((done) => setTimeout(done, 50))
    }
    for (const socket of sockets) socket.terminate()
    const sorted = latencies.toSorted((a, b) => a - b)
    return {
      subscribers: sockets.length,
      ordersPerSecond: Math.round((RATE * SECONDS - failed) / seconds),
      failed,
      frames: sorted.length,
      expected,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99)
    }
  })
