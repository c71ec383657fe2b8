import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { corsOrigins } from "../src/CorsOrigins.ts"
import { hostInUrl } from "../src/HostInUrl.ts"

describe("An address in a URL", () => {
  it("has brackets where it is IPv6", () => {
    assert.deepStrictEqual(["127.0.0.1", "localhost", "::1", "[::1]"].map(hostInUrl), [
      "127.0.0.1",
      "localhost",
      "[::1]",
      "[::1]"
    ])
  })

  it.effect("is one that the page may call from, when the page is there", () =>
    Effect.gen(function*() {
      const origins = (env: Record<string, string>) => corsOrigins.parse(ConfigProvider.fromEnv({ env }))
      const own = ["http://127.0.0.1:3000", "http://localhost:3000"]
      for (const HOST of ["127.0.0.1", "0.0.0.0", "::"]) assert.deepStrictEqual(yield* origins({ HOST }), own)
      assert.deepStrictEqual(yield* origins({ HOST: "::1" }), [...own, "http://[::1]:3000"])
    }))
})
