import { Effect } from "effect"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { assert, describe, it, onTestFinished } from "vitest"
import { freePort } from "./freePort.ts"
import { rendered, skipped, startNginx } from "./nginx/Nginx.ts"

/** The frontend's container with a page of its own. */
const page = async (variables: Readonly<Record<string, string>>) => {
  const files = await fs.mkdtemp(path.join(tmpdir(), "g-store-page-"))
  await fs.mkdir(path.join(files, "assets"))
  await fs.writeFile(path.join(files, "index.html"), "the page")
  await fs.writeFile(path.join(files, "assets/app-1.js"), "its script")
  // nginx's workers are not root.
  await fs.chmod(files, 0o755)
  const port = await Effect.runPromise(freePort)
  const site = await rendered("frontend.conf.template", variables, port)
  const { stop, url } = await startNginx(site.replace("/usr/share/nginx/html", files), port)
  onTestFinished(async () => {
    await stop()
    await fs.rm(files, { recursive: true, force: true })
  })
  return url
}

const settings = { PUBLIC_GATEWAY_URL: "", GATEWAY_PORT: "8081", CURRENCY: "EUR" }

describe("The frontend's container", { skip: skipped !== undefined, meta: { skipped } }, () => {
  it("tells the page where the gateway is published, and what the currency is", async () => {
    const local = await fetch(`${await page(settings)}/config.json`)
    assert.strictEqual(local.headers.get("content-type"), "application/json")
    assert.deepStrictEqual(await local.json(), { gateway: "http://localhost:8081", currency: "EUR" })
    const named = await page({ ...settings, PUBLIC_GATEWAY_URL: "https://api.example:8443" })
    const { gateway } = await (await fetch(`${named}/config.json`)).json()
    assert.strictEqual(gateway, "https://api.example:8443")
  })

  it("gives the page for every path, never from a cache, and scripts for ever", async () => {
    const url = await page(settings)
    for (const at of ["/", "/staff"]) {
      const response = await fetch(url + at)
      assert.strictEqual(await response.text(), "the page")
      assert.strictEqual(response.headers.get("cache-control"), "no-cache")
      assert.include(response.headers.get("content-security-policy"), "script-src 'self'")
    }
    const script = await fetch(`${url}/assets/app-1.js`)
    assert.include(script.headers.get("cache-control"), "immutable")
    assert.strictEqual((await fetch(`${url}/assets/app-2.js`)).status, 404)
  })
})
