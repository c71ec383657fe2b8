import { UserId } from "@g-store/contracts/Ids.ts"
import { Option, Schema } from "effect"
import { createHash } from "node:crypto"

/** A UUID in either case as the user that it names; anything else names none. */
export const parseUserId: (text: string) => Option.Option<UserId> = Schema.decodeOption(UserId)

/** RFC 9562, version 5: SHA-1 of the namespace's 16 bytes and the name. */
const uuidV5 = (namespace: string, name: string): string => {
  const hash = createHash("sha1").update(Buffer.from(namespace.replaceAll("-", ""), "hex")).update(name).digest()
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80
  const hex = hash.toString("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-")
}

/** RFC 9562's namespace for URLs, which issuers are. */
const URL_NAMESPACE = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"

/**
 * The user that a claim's value names: the value itself when it is a UUID, else the UUIDv5 of the value in the
 * namespace that is the UUIDv5 of the issuer, so that equal names at two issuers are two users.
 */
export const userIdOf = (issuer: string, value: string): UserId =>
  Option.getOrElse(parseUserId(value), () => UserId.make(uuidV5(uuidV5(URL_NAMESPACE, issuer), value)))
