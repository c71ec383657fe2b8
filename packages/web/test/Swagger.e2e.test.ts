import { makeStoreApi } from "@g-store/client/StoreApi.ts"
import { existsSync } from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type LiveStore, liveStore } from "./LiveStore.ts"

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium"
const STAFF_KEY = "dev-staff-key-not-for-production"
const skipped = existsSync(CHROMIUM) ? undefined : `browser: no Chromium at ${CHROMIUM} (CHROMIUM names another place)`

/** One "Try it out": the call, what is filled in (a body, or parameters by name). */
interface Trial {
  readonly call: string
  readonly fill?: Readonly<Record<string, string>>
  readonly body?: string
}

describe("A service's page", { skip: skipped !== undefined, meta: { skipped } }, () => {
  let store: LiveStore
  let browser: Browser
  let token: string
  let orderId: string

  beforeAll(async () => {
    const parts = await Promise.all([
      liveStore(),
      chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })
    ])
    store = parts[0]
    browser = parts[1]
    const api = makeStoreApi({ baseUrl: store.gateway, token: () => token })
    token = (await api.identity.token()).accessToken
    orderId = (await api.orders.create({ amount: 5 })).orderId
  })
  afterAll(async () => {
    await browser?.close()
    await store?.stop()
  })

  const opened = async (service: string): Promise<Page> => {
    const page = await browser.newPage()
    page.setDefaultTimeout(20_000)
    await page.goto(`${store.gateway}/api/${service}/swagger/index.html`)
    return page
  }

  /** Fills in one of the page's credentials: the bearer token comes first, the staff key second. */
  const authorize = async (page: Page, scheme: "bearer" | "staffKey", value: string) => {
    await page.getByRole("button", { name: "Authorize", exact: true }).click()
    const box = page.locator(".auth-container").filter({ hasText: scheme })
    await box.locator("input").fill(value)
    await box.getByRole("button", { name: /authorize|apply credentials/i }).click()
    await box.getByRole("button", { name: "Close", exact: true }).click()
  }

  const tried = async (page: Page, { body, call, fill = {} }: Trial) => {
    const [method = "", path = ""] = call.split(" ")
    const block = page.locator(`.opblock-${method.toLowerCase()}`).filter({
      has: page.locator(`.opblock-summary-path[data-path="${path}"]`)
    })
    await block.locator(".opblock-summary-control").first().click()
    await block.getByRole("button", { name: "Try it out" }).click()
    for (const [name, value] of Object.entries(fill)) {
      await block.locator(`tr[data-param-name="${name}"] input`).fill(value)
    }
    if (body !== undefined) await block.locator(".body-param__text").fill(body)
    const answered = page.waitForResponse((response) => response.request().method() === method)
    await block.getByRole("button", { name: "Execute" }).click()
    const response = await answered
    // What the page itself shows, not only what went over the wire.
    await block.locator(".live-responses-table .response-col_status", { hasText: String(response.status()) }).waitFor()
    return { status: response.status(), path: new URL(response.url()).pathname }
  }

  it("calls orders with a customer's token, behind the gateway's prefix", async () => {
    const page = await opened("orders")
    const list = { call: "GET /v1/orders" }
    assert.strictEqual((await tried(page, list)).status, 401)
    await page.reload()
    await authorize(page, "bearer", token)
    assert.deepStrictEqual(await tried(page, list), { status: 200, path: "/api/orders/v1/orders" })
    const create = await tried(page, { call: "POST /v1/orders", body: "{\"amount\": 1500}" })
    assert.deepStrictEqual(create, { status: 201, path: "/api/orders/v1/orders" })
    await page.close()
  })

  it("calls orders with the staff key", async () => {
    const page = await opened("orders")
    await authorize(page, "staffKey", STAFF_KEY)
    assert.strictEqual((await tried(page, { call: "GET /v1/staff/orders" })).status, 200)
    const cancelled = await tried(page, {
      call: "POST /v1/staff/orders/{id}/cancel",
      fill: { id: orderId },
      body: "{\"cancellationReason\": \"OUT_OF_STOCK\"}"
    })
    // The order has been cancelled before, since nobody paid for it.
    assert.strictEqual(cancelled.status, 409)
    await page.close()
  })

  it("calls payments", async () => {
    const page = await opened("payments")
    await authorize(page, "bearer", token)
    assert.strictEqual((await tried(page, { call: "POST /v1/accounts" })).status, 201)
    assert.deepStrictEqual(await tried(page, { call: "GET /v1/accounts/me" }), {
      status: 200,
      path: "/api/payments/v1/accounts/me"
    })
    await page.close()
  })

  it("calls notifications", async () => {
    const page = await opened("notifications")
    await authorize(page, "bearer", token)
    const events = { call: "GET /v1/orders/{orderId}/events", fill: { orderId } }
    assert.deepStrictEqual(await tried(page, events), {
      status: 200,
      path: `/api/notifications/v1/orders/${orderId}/events`
    })
    await page.close()
  })

  it("gives out tokens without any", async () => {
    const page = await opened("identity")
    assert.strictEqual((await tried(page, { call: "GET /.well-known/jwks.json" })).status, 200)
    const issued = await tried(page, { call: "POST /v1/token", body: "{\"role\": \"customer\"}" })
    assert.deepStrictEqual(issued, { status: 200, path: "/api/identity/v1/token" })
    await page.close()
  })
})
