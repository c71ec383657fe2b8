import { MethodNotAllowed } from "@g-store/contracts/Problems.ts"
import { Effect } from "effect"
import { type HttpMethod, HttpRouter, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { HttpApi, type HttpApiGroup } from "effect/http-api"

const methods: ReadonlyArray<HttpMethod.HttpMethod> = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"]

const refusal = (method: string, allow: string): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(
    HttpServerRespondable.toResponse(
      new MethodNotAllowed({ detail: `This path does not take ${method.slice(0, 20)}. It takes ${allow}.` })
    ),
    HttpServerResponse.setHeader("allow", allow)
  )

const notAllowed = (allow: string) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method }) => refusal(method, allow))

/**
 * The answer to a method that no router knows (PROPFIND, say): 405 with what the path takes, which the routes are asked
 * for by OPTIONS; undefined where the path takes nothing either.
 */
export const refusalOfMethod = <E, R>(
  routes: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  { method, originalUrl, url }: HttpServerRequest.HttpServerRequest
): Effect.Effect<HttpServerResponse.HttpServerResponse | undefined, never, R> => {
  if (method === "HEAD" || methods.some((known) => known === method) || !url.startsWith("/")) return Effect.undefined
  const asked = HttpServerRequest.fromWeb(new Request(new URL(originalUrl, "http://localhost"), { method: "OPTIONS" }))
  return routes.pipe(
    Effect.provideService(HttpServerRequest.HttpServerRequest, asked),
    Effect.flatMap(({ headers: { allow } }) => allow === undefined ? Effect.undefined : refusal(method, allow)),
    Effect.catchCause(() => Effect.undefined)
  )
}

/**
 * Routes for the methods that a path is not served for: 405 with Allow, and an answer to OPTIONS. The router itself
 * takes a wrong method for an unknown path.
 */
export const methodRoutes = (served: ReadonlyMap<HttpRouter.PathInput, ReadonlySet<string>>) =>
  HttpRouter.addAll(
    Array.from(served).flatMap(([path, own]) => {
      // HEAD goes wherever GET does: the router sees to that.
      const allow = [...own, ...(own.has("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ")
      const answer = HttpServerResponse.empty({ status: 204, headers: { allow } })
      return [
        HttpRouter.route("OPTIONS", path, Effect.succeed(answer)),
        ...methods.filter((method) => !own.has(method)).map((method) =>
          HttpRouter.route(method, path, notAllowed(allow))
        )
      ]
    })
  )

const isRouterPath = (path: string): path is HttpRouter.PathInput => path.startsWith("/")

/** The paths of an API, each with its methods. */
export const pathsOf = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>
): Map<HttpRouter.PathInput, Set<string>> => {
  const paths = new Map<HttpRouter.PathInput, Set<string>>()
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint: { method, path } }) => {
      if (!isRouterPath(path)) return
      const known = paths.get(path)
      if (known === undefined) paths.set(path, new Set([method]))
      else known.add(method)
    }
  })
  return paths
}
