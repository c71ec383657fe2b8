import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer, Logger, Schedule, Scope, Stream } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { Socket } from "node:net"
import { addressOf } from "../src/ClientAddress.ts"
import { httpServer, NodeServer, serve, ServerStop } from "../src/HttpServer.ts"
import { env } from "./asking.ts"
import { dial, listening } from "./sockets.ts"
import { thingsRoutes } from "./things.ts"
import { listedTypes } from "./ThingsApi.ts"

const get = (path: string, headers = "") =>
  `GET ${path} HTTP/1.1\r\nHost: things\r\nAuthorization: Bearer alice\r\n${headers}\r\n`

/** What came back on a connection: status line, headers and the JSON of the body. */
const problemIn = (text: string): Record<string, unknown> => {
  const [head = "", body = ""] = text.split("\r\n\r\n")
  assert.match(head, /\r\ncontent-type: application\/problem\+json/i)
  const value: unknown = JSON.parse(body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1))
  return typeof value === "object" && value !== null ? { ...value } : {}
}

const refusedWith = (text: string, status: number, type: string) => {
  assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
  const problem = problemIn(text)
  assert.strictEqual(problem["type"], `urn:g-store:${type}`)
  assert.include(listedTypes, problem["type"])
  assert.strictEqual(problem["status"], status)
  assert.strictEqual(problem["error"], problem["detail"])
  assert.match(String(problem["traceId"]), /^[0-9a-f]{32}$/)
  assert.match(text, new RegExp(`\\r\\nx-request-id: ${problem["traceId"]}\\r\\n`, "i"))
}

describe("A server answers with a problem what no route ever sees", () => {
  it.live("bytes that are no HTTP, and closes", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      for (
        const garbage of [
          "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
          "hello\r\n\r\n",
          "GET / HTTP/9.9\r\n\r\n",
          "GET / HTTP/1.1\r\nno colon\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"
        ]
      ) {
        const wire = yield* dial(port)
        yield* wire.send(garbage)
        refusedWith(yield* wire.closed, 400, "request-invalid")
      }
    }))

  it.live("requests beyond those that it works on at once, and keeps their connections", () =>
    Effect.gen(function*() {
      const gate = yield* Latch.make()
      const arrived = yield* Latch.make()
      const slow = Effect.andThen(Latch.open(arrived), Latch.await(gate))
      const port = yield* listening(thingsRoutes({ slow }), {
        maxInFlight: 1,
        headersOfShed: (origin) => origin === undefined ? {} : { "access-control-allow-origin": origin }
      })
      const held = yield* dial(port)
      yield* held.send(get("/v1/slow"))
      yield* Latch.await(arrived)
      const other = yield* dial(port)
      yield* other.send(get("/v1/things", "Origin: http://page\r\n"))
      const shed = yield* other.received((text) => text.endsWith("}"))
      refusedWith(shed, 503, "service-unavailable")
      assert.match(shed, /\r\nretry-after: 1\r\n/i)
      assert.match(shed, /\r\naccess-control-allow-origin: http:\/\/page\r\n/i)
      yield* Latch.open(gate)
      yield* held.received((text) => text.startsWith("HTTP/1.1 204"))
      yield* other.send(get("/v1/things"))
      yield* other.received((text) => text.includes("HTTP/1.1 200"))
    }).pipe(Effect.scoped))

  it.live("a method that nobody has heard of, with those that are served", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      for (
        const [method, said] of [["BREW", "BREW is not served here."], ["get", "written in capitals: GET"]] as const
      ) {
        const wire = yield* dial(port)
        yield* wire.send(`${method} /v1/things HTTP/1.1\r\nHost: a\r\n\r\n`)
        const text = yield* wire.closed
        refusedWith(text, 405, "method-not-allowed")
        assert.include(text, "Allow: GET, HEAD, POST, PATCH, OPTIONS\r\n")
        assert.include(text, said)
      }
    }))

  it.live("URL and headers of over 16 KiB", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      for (const long of [get(`/${"a".repeat(20_000)}`), get("/v1/things", `X-Long: ${"a".repeat(20_000)}\r\n`)]) {
        const wire = yield* dial(port)
        yield* wire.send(long)
        refusedWith(yield* wire.closed, 431, "headers-too-large")
      }
    }))

  it.live("headers, and bodies, that trickle in too slowly", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes(), { patience: { headers: 100, request: 200 } })
      for (
        const slow of [
          "GET /v1/things HTTP/1.1\r\nHost: a\r\n",
          "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer alice\r\nContent-Length: 100\r\n\r\n{"
        ]
      ) {
        const wire = yield* dial(port)
        yield* wire.send(slow)
        refusedWith(yield* wire.closed, 408, "request-timeout")
      }
    }))

  it.live("an expectation other than 100-continue; that one it takes", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      const odd = yield* dial(port)
      yield* odd.send(get("/v1/things", "Expect: a-miracle\r\n"))
      refusedWith(yield* odd.closed, 417, "expectation-failed")
      const wire = yield* dial(port)
      const body = "{\"amount\":1}"
      yield* wire.send(
        "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n"
          + `Content-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`
      )
      yield* wire.received((text) => text.includes("100 Continue"))
      yield* wire.send(body)
      yield* wire.received((text) => text.includes("201 Created"))
    }))

  it.live("a request for which there are no routes for seconds", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" }))
      const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
      const wire = yield* dial("port" in address ? address.port : 0)
      yield* wire.send(get("/v1/things"))
      const text = yield* wire.closed
      refusedWith(text, 503, "service-unavailable")
      assert.match(text, /\r\nretry-after: 1\r\n/i)
    }))
})

describe("A server that cannot listen", () => {
  const refusal = (host: string, port: number) =>
    Layer.build(httpServer({ host, port, variable: "HTTP_PORT" })).pipe(
      Effect.flip,
      Effect.map(({ message }) => message),
      Effect.provide(env({}))
    )

  it.live("names HOST where that is the fault", () =>
    Effect.gen(function*() {
      for (const host of ["192.0.2.1", "nobody.invalid"]) {
        assert.strictEqual(yield* refusal(host, 0), `HOST: ${host} is no address of this machine`)
      }
    }))

  it.live("names the port's variable where somebody else has it", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      assert.strictEqual(
        yield* refusal("127.0.0.1", port),
        `HTTP_PORT: cannot listen on 127.0.0.1:${port}, something else listens there`
      )
    }))
})

describe("A server", () => {
  it.live("answers on a connection that looked idle when it was told to close", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        serve(HttpRouter.add("GET", "/here", HttpServerResponse.text("still here"))).pipe(
          Layer.provideMerge(httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" })),
          Layer.provide([env({}), Logger.layer([])])
        ),
        scope
      )
      const server = yield* Effect.provideContext(NodeServer, context)
      const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
      const wire = yield* dial("port" in address ? address.port : 0)
      yield* wire.send(get("/here"))
      yield* wire.received((text) => text.includes("still here"))
      yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* Effect.sync(() => server.listening).pipe(
        Effect.repeat({ until: (stillListens) => !stillListens, schedule: Schedule.spaced("1 millis") })
      )
      yield* wire.send(get("/here"))
      assert.lengthOf((yield* wire.closed).match(/200 OK/g) ?? [], 2)
    }))

  it.live("answers whoever had connected when it was told to close, though it had not looked yet", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(
        serve(HttpRouter.add("GET", "/here", HttpServerResponse.text("still here"))).pipe(
          Layer.provideMerge(httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" })),
          Layer.provide([env({}), Logger.layer([])])
        )
      )
      const server = yield* Effect.provideContext(NodeServer, context)
      const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
      const answer = yield* Effect.callback<string>((resume) => {
        let text = ""
        const client = new Socket().setEncoding("utf8")
        client.on("data", (part) => (text += String(part)))
        client.once("error", (error) => resume(Effect.succeed(error.message)))
        client.once("close", () => resume(Effect.succeed(text)))
        // All in one turn: the system has the connection, and the server does not know.
        client.connect("port" in address ? address.port : 0, "127.0.0.1")
        client.write(get("/here"))
        server.close()
      })
      assert.include(answer, "still here")
    }))

  it.live("lets a request wait that comes before its routes are attached", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" }))
      const server = yield* Effect.provideContext(NodeServer, context)
      const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
      const wire = yield* dial("port" in address ? address.port : 0)
      // No listener of the server's: that would count as its routes.
      const arrived = Effect.callback<void>((resume) => {
        const seen = () => {
          unsubscribe("http.server.request.start", seen)
          // Told before the server's own listeners are.
          setImmediate(() => resume(Effect.void))
        }
        subscribe("http.server.request.start", seen)
      })
      const waiting = yield* Effect.forkChild(arrived, { startImmediately: true })
      yield* wire.send(get("/v1/things"))
      yield* Fiber.join(waiting)
      server.on("request", (_request, response) => response.end("here now"))
      yield* wire.received((text) => text.includes("200 OK") && text.includes("here now"))
    }))

  it.live("cuts off bodies over 64 KiB, announced or not, and answers 413", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      const head =
        "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n"
      const announced = yield* dial(port)
      yield* announced.send(`${head}Content-Length: 10000000\r\n\r\n${"x".repeat(100_000)}`)
      refusedWith(yield* announced.received((text) => text.includes("traceId")), 413, "body-too-large")
      // What is announced as too large is not waited for.
      const withheld = yield* dial(port)
      yield* withheld.send(`${head}Content-Length: 65537\r\n\r\n{`)
      refusedWith(yield* withheld.received((text) => text.includes("traceId")), 413, "body-too-large")
      const chunked = yield* dial(port)
      yield* chunked.send(`${head}Transfer-Encoding: chunked\r\n\r\n`)
      const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`
      for (let n = 0; n < 6; n++) yield* chunked.send(chunk)
      refusedWith(yield* chunked.received((text) => text.includes("traceId")), 413, "body-too-large")
    }))

  it.live("answers the next request of a connection after a body that was too large", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      const wire = yield* dial(port)
      const head =
        "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n"
      yield* wire.send(`${head}Content-Length: 70000\r\n\r\n${"x".repeat(70_000)}`)
      yield* wire.send(`${head}Transfer-Encoding: chunked\r\n\r\n11170\r\n${"x".repeat(0x11170)}\r\n0\r\n\r\n`)
      yield* wire.send(`${head}Content-Length: 12\r\n\r\n{"amount":1}`)
      const text = yield* wire.received((got) => got.includes("thing-1"))
      assert.deepStrictEqual(text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 413", "HTTP/1.1 413", "HTTP/1.1 201"])
    }))

  it.live("takes the client's address from X-Forwarded-For behind TRUSTED_PROXIES only", () =>
    Effect.gen(function*() {
      const routes = HttpRouter.add("GET", "/address", (request) =>
        Effect.succeed(HttpServerResponse.text(`address=${addressOf(request)}.`)))
      const ask = (variables: Record<string, string>, forwarded: string) =>
        Effect.gen(function*() {
          const wire = yield* dial(yield* listening(routes, { env: variables }))
          yield* wire.send(get("/address", `X-Forwarded-For: ${forwarded}\r\n`))
          return /address=(.*)\./.exec(
            yield* wire.received((text) =>
              text.includes("address=")
            )
          )?.[1]
        })
      const behind = { TRUSTED_PROXIES: "127.0.0.0/8,10.0.0.0/8" }
      assert.strictEqual(yield* ask({}, "203.0.113.9"), "127.0.0.1")
      assert.strictEqual(yield* ask(behind, "203.0.113.9"), "203.0.113.9")
      // What the client wrote itself stands before what our own proxies added, and does not count.
      assert.strictEqual(yield* ask(behind, "1.1.1.1, 203.0.113.9, 10.0.0.7"), "203.0.113.9")
      assert.strictEqual(yield* ask(behind, "junk"), "127.0.0.1")
    }))

  it.live("says which variable to change when its port is taken", () =>
    Effect.gen(function*() {
      const port = yield* listening(thingsRoutes())
      const error = yield* Effect.flip(Layer.build(httpServer({ host: "127.0.0.1", port, variable: "GATEWAY_PORT" })))
      assert.strictEqual(
        error.message,
        `GATEWAY_PORT: cannot listen on 127.0.0.1:${port}, something else listens there`
      )
    }))

  it.live("serves no route of another server of the same process, not even of one that it is built upon", () =>
    Effect.gen(function*() {
      const on = (path: `/${string}`) => {
        const server = httpServer({ host: "127.0.0.1", port: 0, variable: "HTTP_PORT" })
        return serve(HttpRouter.add("GET", path, HttpServerResponse.text("here"))).pipe(Layer.provideMerge(server))
      }
      const ports: Array<number> = []
      const noted = () =>
        Layer.effectDiscard(Effect.map(HttpServer.HttpServer, ({ address }) => {
          if ("port" in address) ports.push(address.port)
        }))
      yield* Layer.build(
        noted().pipe(
          Layer.provide(on("/second")),
          Layer.provideMerge(noted()),
          Layer.provide(on("/first")),
          Layer.provide([env({}), Logger.layer([])])
        )
      )
      const answers = yield* Effect.forEach(
        ports,
        (one) =>
          Effect.forEach(["/first", "/second"], (path) =>
            Effect.gen(function*() {
              const wire = yield* dial(one)
              yield* wire.send(get(path))
              const text = yield* wire.received((all) => /here|traceId/.test(all))
              return text.slice(9, 12)
            }))
      )
      assert.deepStrictEqual(answers, [["200", "404"], ["404", "200"]])
    }))
})

describe("A stop", () => {
  it.live("lets what is being worked on finish, closes idle connections, and takes nothing new", () =>
    Effect.gen(function*() {
      const gate = yield* Latch.make()
      const arrived = yield* Latch.make()
      const slow = Effect.andThen(Latch.open(arrived), Latch.await(gate))
      const scope = yield* Scope.make()
      const port = yield* Scope.provide(listening(thingsRoutes({ slow }), { drain: "1 hour" }), scope)

      const idle = yield* dial(port)
      yield* idle.send(get("/v1/things"))
      yield* idle.received((text) => text.includes("limit"))
      const working = yield* dial(port)
      yield* working.send(get("/v1/slow"))
      yield* Latch.await(arrived)

      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      assert.match(yield* idle.closed, /^HTTP\/1\.1 200 /)
      yield* Latch.open(gate)
      const answer = yield* working.closed
      assert.match(answer, /^HTTP\/1\.1 204 /)
      assert.match(answer, /\r\nconnection: close\r\n/i)
      yield* Fiber.join(stopping)
      yield* refusing(port)
    }))

  it.live("closes a keep-alive connection after an answer that had begun before", () =>
    Effect.gen(function*() {
      const gate = yield* Latch.make()
      const rest = Stream.fromEffect(Effect.as(Latch.await(gate), "rest"))
      const body = Stream.encodeText(Stream.concat(Stream.succeed("begun"), rest))
      const scope = yield* Scope.make()
      const port = yield* Scope.provide(
        listening(HttpRouter.add("GET", "/stream", HttpServerResponse.stream(body)), { drain: "1 hour" }),
        scope
      )
      const wire = yield* dial(port)
      yield* wire.send(get("/stream"))
      yield* wire.received((text) => text.includes("begun"))
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* refusing(port)
      yield* Latch.open(gate)
      assert.include(yield* wire.closed, "rest")
      yield* Fiber.join(stopping)
    }))

  it.live("lets what lives longer than requests close first, so that it does not hold the server up", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      // A socket that was taken over, as a WebSocket is: the server waits for it, and does not know how to end it.
      const takeover = Layer.effectDiscard(Effect.gen(function*() {
        const server = yield* NodeServer
        const stop = yield* ServerStop
        const emit = server.emit.bind(server)
        server.emit = (event: string | symbol, ...args: ReadonlyArray<unknown>) => {
          const [, socket] = args
          if (event !== "upgrade" || !(socket instanceof Socket)) return emit(event, ...args)
          socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
          Effect.runSync(stop.before(Effect.sync(() => void socket.end("going away"))))
          return true
        }
      }))
      const port = yield* Scope.provide(listening(takeover, { drain: "1 hour" }), scope)
      const wire = yield* dial(port)
      yield* wire.send(get("/", "Connection: Upgrade\r\nUpgrade: test\r\n"))
      yield* wire.received((text) => text.includes("101"))
      yield* Scope.close(scope, Exit.void)
      assert.include(yield* wire.closed, "going away")
    }))

  it.live("cuts off, after the drain, a request that never arrived in full", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const port = yield* Scope.provide(listening(thingsRoutes(), { drain: "50 millis" }), scope)
      const wire = yield* dial(port)
      yield* wire.send("GET /v1/things HTTP/1.1\r\nHost: a\r\n")
      const answered = yield* dial(port)
      yield* answered.send(get("/v1/things"))
      yield* answered.received((text) => text.includes("limit"))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* wire.closed, "")
    }))
})

/** Done when the server takes no connections any more. */
const refusing = (port: number) =>
  Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/nowhere`)).pipe(
    Effect.match({ onFailure: () => true, onSuccess: () => false }),
    Effect.repeat({ until: (refused) => refused })
  )
