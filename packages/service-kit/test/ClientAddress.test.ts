import { assert, describe, it } from "@effect/vitest"
import * as IpNetwork from "effect/net/IpNetwork"
import { addressKey, isLoopback, isWithin } from "../src/ClientAddress.ts"

const networks = ["10.0.0.0/8", "fd00::/8"].map((cidr) => IpNetwork.fromStringUnsafe(cidr))

describe("An address", () => {
  it("is found in a network in every spelling that a socket gives it", () => {
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"]) assert.isTrue(isWithin(networks, address))
    for (const address of ["11.1.2.3", "::ffff:11.1.2.3", "fe80::1", "10.1.2", "", undefined]) {
      assert.isFalse(isWithin(networks, address))
    }
  })

  it("is loopback only when it is", () => {
    for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) assert.isTrue(isLoopback(address))
    for (const address of ["128.0.0.1", "::2", "localhost", "", undefined]) assert.isFalse(isLoopback(address))
  })

  it("shares its count of failures with its IPv6 /64 and with nobody else nearby", () => {
    assert.strictEqual(addressKey("2001:db8:0:1::1"), addressKey("2001:db8:0:1:ffff:ffff:ffff:ffff"))
    assert.notStrictEqual(addressKey("2001:db8:0:1::1"), addressKey("2001:db8:0:2::1"))
    assert.notStrictEqual(addressKey("192.0.2.1"), addressKey("192.0.2.2"))
    const keys = new Set(Array.from({ length: 200_000 }, (_, i) => addressKey(`192.0.${i >> 8}.${i & 255}`)))
    assert.isAtMost(keys.size, 65_536)
  })
})
