import { Effect, Layer, Scope } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { type HttpApi, type HttpApiGroup, HttpApiSwagger, OpenApi } from "effect/http-api"
import { openApiDocument } from "./OpenApiDocument.ts"

/** The page is one file with its script and style inside, and calls the API that it came from. */
const SWAGGER_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const PAGE = "/swagger/index.html"

/** The paths that `apiDocuments` serves. */
export const documentPaths: ReadonlyArray<HttpRouter.PathInput> = ["/openapi.json", PAGE, "/swagger"]

/**
 * `openapi.json` and `swagger/index.html`, made when first asked for: the page's script is 2 MB and not worth a slower
 * start. The server in them is relative to where each was read, so that "Try it out" works behind any prefix.
 */
export const apiDocuments = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  publicPath: string
): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.use((router) =>
    Effect.gen(function*() {
      const scope = yield* Effect.scope
      const server = (url: string) => ({ url, description: `Where this was read; behind the gateway ${publicPath}` })
      const document = yield* Effect.cached(
        Effect.sync(() => HttpServerResponse.jsonUnsafe(openApiDocument(api, server("."))))
      )
      const described = api.annotate(OpenApi.Transform, () => ({ ...openApiDocument(api, server("..")) }))
      // In a memo map of its own, else it would register itself with the router at hand.
      const page = yield* HttpRouter.toHttpEffect(HttpApiSwagger.layer(described, { path: PAGE })).pipe(
        Effect.provideServiceEffect(Layer.CurrentMemoMap, Layer.makeMemoMap),
        Scope.provide(scope),
        Effect.cached
      )
      yield* router.add("GET", "/openapi.json", document)
      yield* router.add(
        "GET",
        PAGE,
        page.pipe(
          Effect.flatten,
          Effect.map(HttpServerResponse.setHeaders({ "content-security-policy": SWAGGER_POLICY })),
          Effect.orDie
        )
      )
      // Relative to the address as the browser has it, which may have a prefix that is cut off on the way here.
      yield* router.add(
        "GET",
        "/swagger",
        Effect.map(
          HttpServerRequest.HttpServerRequest,
          ({ url }) => HttpServerResponse.redirect(/^[^?]*\/(\?|$)/.test(url) ? "index.html" : "swagger/index.html")
        )
      )
    })
  )
