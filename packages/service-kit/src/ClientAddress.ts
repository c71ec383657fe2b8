import { Option, Result } from "effect"
import type { HttpServerRequest } from "effect/http"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"

/** Reads an address as the socket or a header gives it; `::ffff:10.0.0.1` is 10.0.0.1. */
const parse = (address: string): NetAddress.IpAddress | undefined => {
  const parsed = NetAddress.ipFromString(address)
  return Result.isSuccess(parsed) ? NetAddress.toCanonical(parsed.success) : undefined
}

/** Whether an address is in one of the networks. */
export const isWithin = (networks: ReadonlyArray<IpNetwork.IpNetwork>, address: string | undefined): boolean => {
  const ip = address === undefined ? undefined : parse(address)
  return ip !== undefined && networks.some((network) => IpNetwork.contains(network, ip))
}

/** Whether an address is of this machine. */
export const isLoopback = (address: string | undefined): boolean => {
  const ip = address === undefined ? undefined : parse(address)
  return ip !== undefined && NetAddress.isLoopback(ip)
}

/** How many addresses are told apart when failures are counted: a fixed table, whoever calls. */
const ADDRESS_KEYS = 65_536

/** One of 65 536 keys for an address. IPv6 counts by /64, the least that one customer is given. */
export const addressKey = (address: string | undefined): string => {
  const text = address === undefined
    ? "unknown"
    : address.includes(":") && !address.includes(".")
    ? subnet(address)
    : address
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return String((hash >>> 0) % ADDRESS_KEYS)
}

const subnet = (address: string): string => {
  const ip = parse(address)
  return ip !== undefined && NetAddress.isIpv6Address(ip)
    ? IpNetwork.format(IpNetwork.fromAddressUnsafe(ip, 64))
    : address
}

/**
 * The client's address, where there is a socket. Behind TRUSTED_PROXIES the edge has put the last hop of X-Forwarded-For
 * there that is no proxy of ours; from anywhere else that header is ignored. `peerAddress` stays the socket's.
 */
export const addressOf = (request: HttpServerRequest.HttpServerRequest): string | undefined =>
  Option.getOrUndefined(request.remoteAddress)
