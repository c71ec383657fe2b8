import { methodRoutes } from "@g-store/service-kit/MethodRoutes.ts"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { asyncApiDocument } from "./AsyncApiDocument.ts"
import { asyncApiPage } from "./asyncApiPage.ts"

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const paths: ReadonlyArray<HttpRouter.PathInput> = ["/asyncapi.json", "/asyncapi/index.html", "/asyncapi"]

/** `asyncapi.json` and `asyncapi/index.html`, made when first asked for. Works behind any prefix. */
export const AsyncApiRoutes = Layer.merge(
  HttpRouter.use((router) =>
    Effect.gen(function*() {
      const document = yield* Effect.cached(Effect.sync(asyncApiDocument))
      const page = yield* Effect.cached(Effect.map(document, asyncApiPage))
      yield* router.add("GET", "/asyncapi.json", Effect.map(document, (json) => HttpServerResponse.jsonUnsafe(json)))
      yield* router.add(
        "GET",
        "/asyncapi/index.html",
        Effect.map(page, (html) =>
          HttpServerResponse.text(html, {
            contentType: "text/html; charset=utf-8",
            headers: { "content-security-policy": POLICY }
          }))
      )
      // Relative to the address as the browser has it, which may have a prefix that is cut off on the way here.
      yield* router.add(
        "GET",
        "/asyncapi",
        Effect.map(
          HttpServerRequest.HttpServerRequest,
          ({ url }) => HttpServerResponse.redirect(/^[^?]*\/(\?|$)/.test(url) ? "index.html" : "asyncapi/index.html")
        )
      )
    })
  ),
  methodRoutes(new Map(paths.map((path) => [path, new Set(["GET"])])))
)
