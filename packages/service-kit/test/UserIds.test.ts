import { assert, describe, it } from "@effect/vitest"
import { userIdOf } from "../src/UserIds.ts"

describe("A user's id", () => {
  it("is the claim itself when that is a UUID, in lower case", () => {
    assert.strictEqual(
      userIdOf("https://id", "0191F3A2-7B1C-7C33-9D52-5C1A7D3F1A10"),
      "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10"
    )
  })

  it("is a version 5 UUID of issuer and value otherwise: equal for equal ones, different for different ones", () => {
    const id = userIdOf("https://id", "auth0|42")
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.strictEqual(userIdOf("https://id", "auth0|42"), id)
    assert.notStrictEqual(userIdOf("https://other", "auth0|42"), id)
    assert.notStrictEqual(userIdOf("https://id", "auth0|43"), id)
    assert.notStrictEqual(userIdOf("https://id", "AUTH0|42"), id)
  })

  it("is what any implementation of RFC 9562 computes: UUIDv5(UUIDv5(URL, issuer), value)", () => {
    // python3: uuid5(uuid5(NAMESPACE_URL, "https://id.example"), "alice")
    assert.strictEqual(userIdOf("https://id.example", "alice"), "22f88f7e-c03d-5f41-b813-5cfc38f76390")
  })
})
