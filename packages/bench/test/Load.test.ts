import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import { generator } from "../src/load/Load.ts"

const serving = (answer: (nth: number) => { readonly status: number; readonly headers?: Record<string, string> }) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly users: Set<string | undefined>; readonly close: () => void }>(
      (resume) => {
        const users = new Set<string | undefined>()
        let nth = 0
        const server = createServer((request, response) => {
          users.add(request.headers["x-user"]?.toString())
          const { headers, status } = answer(nth++)
          request.resume().once("end", () => response.writeHead(status, headers).end("{\"orderId\":\"x\"}"))
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ port, users, close: () => void server.close() }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const plan = { path: "/", body: "{}", identities: ["x-user: 1", "x-user: 2"], connections: 4, seconds: 0.3 }

it.live("the generator counts answers by status, those with Retry-After apart, and takes turns between identities", () =>
  Effect.gen(function*() {
    const { port, users } = yield* serving((nth) =>
      nth % 3 === 0 ? { status: 503, headers: { "retry-after": "1" } } : { status: 201 }
    )
    const load = yield* generator
    const seen = yield* load.run({ ...plan, port })
    const accepted = seen.answers["201"]?.count ?? 0
    const shed = seen.answers["503"]?.count ?? 0
    assert.isAbove(accepted, shed)
    assert.strictEqual(seen.answers["503"]?.withRetryAfter, shed)
    assert.strictEqual(seen.answers["201"]?.withRetryAfter, 0)
    assert.deepStrictEqual(users, new Set(["1", "2"]))
    assert.strictEqual(seen.silent, 0)
  }))

it.live("an open loop sends as many requests as are due, and says how many it could not send", () =>
  Effect.gen(function*() {
    const { port } = yield* serving(() => ({ status: 201 }))
    const load = yield* generator
    const seen = yield* load.run({ ...plan, port, rate: 100, connections: 50 })
    const sent = (seen.answers["201"]?.count ?? 0) + seen.unsent
    assert.strictEqual(sent, 30)
  }))
