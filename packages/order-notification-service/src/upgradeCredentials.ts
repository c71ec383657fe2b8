import type { Credentials } from "@g-store/service-kit/Callers.ts"
import { isWithin } from "@g-store/service-kit/ClientAddress.ts"
import type { IncomingMessage } from "node:http"

type Proxies = Parameters<typeof isWithin>[0]

const header = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** The token of the subprotocol `bearer.<token>`. */
export const subprotocolTokenOf = (request: IncomingMessage): string | undefined =>
  header(request, "sec-websocket-protocol")?.split(",").map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith("bearer."))?.slice("bearer.".length)

/** The token of an Authorization header. */
export const bearerOf = (authorization: string | undefined): string | undefined =>
  authorization === undefined ? undefined : /^bearer +(\S+)\s*$/i.exec(authorization)?.[1]

/** The client's address: of the peer, or behind trusted proxies the last one that is none of them. */
export const clientOf = (request: IncomingMessage, proxies: Proxies): string | undefined => {
  const peer = request.socket.remoteAddress
  if (!isWithin(proxies, peer)) return peer
  return header(request, "x-forwarded-for")?.split(",").map((hop) => hop.trim())
    .findLast((hop) => !isWithin(proxies, hop)) ?? peer
}

/** What an upgrade request says about who opens the socket. */
export const credentialsOf = (request: IncomingMessage, proxies: Proxies, passUserId: boolean): Credentials => ({
  authorization: header(request, "authorization"),
  staffKey: header(request, "x-staff-api-key"),
  userId: passUserId ? header(request, "x-user-id") : undefined,
  peer: request.socket.remoteAddress,
  client: clientOf(request, proxies)
})
