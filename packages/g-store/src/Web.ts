import * as NodeServices from "@effect/platform-node/NodeServices"
import { hostInUrl, isAnyAddress } from "@g-store/service-kit/HostInUrl.ts"
import { httpServer, serve } from "@g-store/service-kit/HttpServer.ts"
import { methodRoutes } from "@g-store/service-kit/MethodRoutes.ts"
import { currency } from "@g-store/service-kit/ServiceConfig.ts"
import { Deferred, Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse, HttpStaticServer } from "effect/http"
import { join } from "node:path"
import { addresses } from "./StoreConfig.ts"
import { webBundle } from "./WebBundle.ts"

/** `packages/`, in which this file is. */
const PACKAGES = join(import.meta.dirname, "../..")

/** Where the page finds the gateway; `*` when the store listens everywhere: then it is on the page's own host. */
interface Where {
  readonly host: string
  readonly port: number
}

const whereOf = (host: string, port: number): Where => ({
  host: isAnyAddress(host) ? "*" : hostInUrl(host),
  port
})

const headersFor = ({ host, port }: Where): Record<string, string> => ({
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' http://${host}:${port} ws://${host}:${port}`,
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'"
  ].join("; "),
  "permissions-policy": "camera=(), geolocation=(), microphone=()"
})

const sorry = HttpServerResponse.html(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>g-store</title></head>
<body><h1>The page could not be built</h1>
<p>The store itself runs. Its log says why the page does not, in a line with the module <code>web</code>; mend that and start
the store again. The API works meanwhile.</p></body></html>`)

/** Files of a folder: hashed names for ever, everything else asked for anew (and answered with 304 where it stayed). */
const filesOf = Effect.fnUntraced(function*(root: string) {
  const page = yield* HttpStaticServer.make({ root, spa: true, cacheControl: "no-cache" })
  const assets = yield* HttpStaticServer.make({ root, cacheControl: "public, max-age=31536000, immutable" })
  const staff = Effect.updateService(
    page,
    HttpServerRequest.HttpServerRequest,
    (request) => request.modify({ url: "/" })
  )
  return Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    ({ url }) => url.startsWith("/assets/") ? assets : /^\/staff\/?(\?|$)/.test(url) ? staff : page
  )
})

const routes = Layer.effectDiscard(Effect.gen(function*() {
  const router = yield* HttpRouter.HttpRouter
  const { gatewayPort, host } = yield* addresses
  const where = whereOf(host, gatewayPort)
  const gateway = where.host === "*" ? { gatewayPort } : { gateway: `http://${where.host}:${where.port}` }
  const config = { ...gateway, currency: yield* currency }
  const headers = headersFor(where)

  // The store does not wait for its page: who asks meanwhile does.
  const page = yield* Deferred.make<Effect.Success<ReturnType<typeof filesOf>>>()
  yield* webBundle(PACKAGES).pipe(
    Effect.flatMap(filesOf),
    Effect.catch((error) =>
      Effect.logError("the page could not be built").pipe(
        Effect.annotateLogs({ module: "web", reason: error._tag === "WebBuildFailed" ? error.reason : error.message }),
        Effect.as(Effect.succeed(sorry))
      )
    ),
    Effect.flatMap((files) => Deferred.succeed(page, files)),
    Effect.forkScoped
  )

  yield* router.add("GET", "/config.json", HttpServerResponse.jsonUnsafe(config, { headers }))
  yield* router.add(
    "GET",
    "/*",
    Deferred.await(page).pipe(Effect.flatten, Effect.map(HttpServerResponse.setHeaders(headers)))
  )
}))

const served = new Map([["/config.json", new Set(["GET"])], ["/*", new Set(["GET"])]] as const)

/** The frontend on WEB_PORT: the built page, and `/config.json`, which tells it where the gateway is. */
export const Web = Layer.unwrap(
  Effect.map(addresses, ({ host, webPort }) =>
    serve(Layer.merge(routes, methodRoutes(served)), {
      logLevel: "Debug",
      paths: "The page is at /; the APIs are on another port."
    }).pipe(
      Layer.provide(httpServer({ host, port: webPort, variable: "WEB_PORT" })),
      Layer.provide(NodeServices.layer)
    ))
)
