import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { skipped } from "./nginx/Nginx.ts"
import { nginxGateway } from "./nginx/NginxGateway.ts"

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const [ONE, TWO, DOWN] = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] as const

const created: Handler = (request, response) => {
  request.resume()
  request.once("end", () => response.writeHead(201).end())
}
const notReady: Handler = (_, response) => void response.writeHead(503, { "retry-after": "1" }).end()
/** As a process that dies with the request in its hands. */
const dying: Handler = (request) => void request.socket.resetAndDestroy()

describe("The gateway of the containers", { skip: skipped !== undefined, meta: { skipped } }, () => {
  let gateway: Awaited<ReturnType<typeof nginxGateway>>
  let stops: Array<() => void> = []
  let seen: Array<
    { readonly at: string; readonly url: string | undefined; readonly headers: IncomingMessage["headers"] }
  >

  beforeAll(async () => {
    gateway = await nginxGateway()
  })
  afterAll(() => gateway?.stop())
  beforeEach(() => {
    seen = []
  })
  afterEach(() => {
    for (const stop of stops) stop()
    stops = []
  })

  const replica = (at: string, handler: Handler) =>
    new Promise<void>((resolve) => {
      const server = createServer((request, response) => {
        seen.push({ at, url: request.url, headers: request.headers })
        handler(request, response)
      }).listen(gateway.port, at, resolve)
      stops.push(() => {
        server.close()
        server.closeAllConnections()
      })
    })

  /** Names are kept for a second: tests use services of their own. */
  const post = (service: string, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}/api/${service}/v1/things?page=1`, { method: "POST", body: "{}", headers })

  const statuses = async (service: string, headers?: (nth: number) => Record<string, string>) => {
    const found: Array<number> = []
    for (let nth = 0; nth < 30; nth++) {
      const response = await post(service, headers?.(nth))
      await response.arrayBuffer()
      found.push(response.status)
    }
    return found
  }
  const keyed = (nth: number) => ({ "idempotency-key": `key-${nth}` })

  for (
    const [name, service, bad] of [
      ["is not ready", "orders", notReady],
      ["dies in the middle of them", "payments", dying]
    ] as const
  ) {
    it(`repeats requests with a key at another replica when theirs ${name}, and no others`, async () => {
      const host = service === "orders" ? "order-service" : "payment-service"
      gateway.addresses.set(host, [ONE, TWO, DOWN])
      await replica(ONE, bad)
      await replica(TWO, created)
      assert.deepStrictEqual(new Set(await statuses(service, keyed)), new Set([201]))
      assert.isAbove(seen.filter(({ at }) => at === ONE).length, 0)
      seen = []
      const without = await statuses(service)
      // Nobody was asked twice, and whoever was not served was told so.
      assert.lengthOf(seen, 30)
      assert.strictEqual(without.filter((status) => status === 503).length, seen.filter(({ at }) => at === ONE).length)
      assert.include(without, 503)
      assert.include(without, 201)
    })
  }

  it("asks another replica when one does not listen, with a key or without", async () => {
    gateway.addresses.set("order-notification-service", [DOWN, ONE, "127.0.0.5"])
    await replica(ONE, created)
    assert.deepStrictEqual(new Set(await statuses("notifications")), new Set([201]))
    assert.deepStrictEqual(new Set(await statuses("notifications", keyed)), new Set([201]))
    assert.lengthOf(seen, 60)
  })

  it("passes a keyed request on like any other, and follows replicas that come and go", async () => {
    gateway.addresses.set("identity-service", [ONE])
    await replica(ONE, created)
    const headers = { "x-user-id": "somebody", traceparent: "nonsense", origin: "http://localhost:3000" }
    for (const more of [{}, keyed(0)]) {
      const response = await post("identity", { ...headers, ...more })
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.headers.get("access-control-allow-origin"), "http://localhost:3000")
      const last = seen.at(-1)
      assert.strictEqual(last?.url, "/v1/things?page=1")
      assert.isUndefined(last?.headers["x-user-id"])
      assert.match(String(last?.headers["traceparent"]), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
      assert.strictEqual(response.headers.get("x-request-id"), String(last?.headers["traceparent"]).slice(3, 35))
    }
    gateway.addresses.set("identity-service", [TWO])
    for (const stop of stops) stop()
    await replica(TWO, created)
    while ((await post("identity")).status !== 201);
    assert.strictEqual(seen.at(-1)?.at, TWO)
  })

  it("answers problems where nobody else does, also to a keyed request", async () => {
    const { url } = gateway
    const large = "x".repeat(70_000)
    gateway.addresses.set("order-service", [DOWN])
    for (const more of [{}, keyed(0)]) {
      const problems = await Promise.all([
        fetch(`${url}/api/nothing/v1`, { method: "POST", headers: more }),
        fetch(`${url}/api/orders/health/live`, { headers: more }),
        fetch(`${url}/api/orders/v1/orders`, { method: "POST", headers: more, body: large })
      ])
      assert.deepStrictEqual(problems.map(({ status }) => status), [404, 404, 413])
      // The name is kept for a second.
      let away = await post("orders", more)
      while (away.status === 201) away = await post("orders", more)
      assert.strictEqual(away.status, 503)
      assert.strictEqual(away.headers.get("retry-after"), "1")
      for (const response of [...problems, away]) {
        assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
      }
    }
  })
})
