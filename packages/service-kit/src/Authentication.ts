import { Authentication, type Caller, CurrentCaller } from "@g-store/contracts/Actor.ts"
import { Unauthorized } from "@g-store/contracts/Problems.ts"
import { Effect, Layer, Option } from "effect"
import { HttpServerRequest, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { Callers, type Credentials, type Refusal } from "./Callers.ts"
import { addressOf } from "./ClientAddress.ts"
import { CurrentRequestFacts } from "./RequestFacts.ts"

/** What a request says about who calls. */
export const credentialsOf = (request: HttpServerRequest.HttpServerRequest): Credentials => ({
  authorization: request.headers["authorization"],
  staffKey: request.headers["x-staff-api-key"],
  userId: request.headers["x-user-id"],
  peer: Option.getOrUndefined(request.peerAddress),
  client: addressOf(request)
})

const nameOf = (caller: Caller): string =>
  caller._tag === "Customer" ? `customer:${caller.userId}` : `staff:${caller.id}`

/**
 * Both schemes of the middleware lead here, the first one decides: HttpApi would try the second after a failure of the
 * first and answer with the last one's error, so a refusal is answered, not failed with.
 */
const middleware = (identify: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<Caller, Refusal>) => {
  const authenticated = <E, R>(effect: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.matchEffect(identify(request), {
        onFailure: HttpServerRespondable.toResponse,
        onSuccess: (caller) =>
          Effect.flatMap(CurrentRequestFacts, (facts) => {
            if (facts !== undefined) facts.caller = nameOf(caller)
            return Effect.provideService(effect, CurrentCaller, caller)
          })
      }))
  return Authentication.of({ bearer: authenticated, staffKey: authenticated })
}

/** Authentication as section 4 of the interface has it; `Callers` says what decides. */
export const AuthenticationLive = Layer.effect(
  Authentication,
  Effect.map(Callers, ({ identify }) => middleware((request) => identify(credentialsOf(request))))
)

/**
 * For tests of handlers: the bearer token is a name in `callers`; everybody else is 401. No keys, no clock.
 */
export const authenticationStatic = (callers: Readonly<Record<string, Caller>>): Layer.Layer<Authentication> =>
  Layer.succeed(
    Authentication,
    middleware((request) => {
      const name = request.headers["authorization"]?.replace(/^bearer +/i, "")
      const caller = name !== undefined && Object.hasOwn(callers, name) ? callers[name] : undefined
      return caller === undefined
        ? Effect.fail(new Unauthorized({ detail: "Send a bearer token that the test knows." }))
        : Effect.succeed(caller)
    })
  )
