import { MethodNotAllowed } from "@g-store/contracts/Problems.ts"
import { Effect } from "effect"
import { type HttpMethod, HttpRouter, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { HttpApi, type HttpApiGroup } from "effect/http-api"

const methods: ReadonlyArray<HttpMethod.HttpMethod> = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"]

const notAllowed = (allow: string) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method }) =>
    Effect.map(
      HttpServerRespondable.toResponse(
        new MethodNotAllowed({ detail: `This path does not take ${method}. It takes ${allow}.` })
      ),
      HttpServerResponse.setHeader("allow", allow)
    ))

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
