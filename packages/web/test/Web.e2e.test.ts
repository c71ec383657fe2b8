import { makeStoreApi } from "@g-store/client/StoreApi.ts"
import axe from "axe-core"
import { existsSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it, onTestFailed } from "vitest"
import { type LiveStore, liveStore } from "./LiveStore.ts"

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium"
const STAFF_KEY = "dev-staff-key-not-for-production"
const skipped = existsSync(CHROMIUM) ? undefined : `browser: no Chromium at ${CHROMIUM} (CHROMIUM names another place)`

/** What axe finds that keeps people from using the page. */
const barriers = async (page: Page): Promise<ReadonlyArray<string>> => {
  // The page's policy lets no script in that is not its own, so axe comes through the debugger.
  await page.evaluate(`${axe.source};undefined`)
  const { violations } = await page.evaluate<{ violations: Array<axe.Result> }>("axe.run()")
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ help, id, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`)
}

/** A page that nobody looks at, in a browser that shows its notifications to the test. */
const background = `
  globalThis.Notification = class extends EventTarget {
    static permission = "default"
    static async requestPermission() { return this.permission = "granted" }
    constructor(title, { body }) { super(); notified(body) }
  }
  Object.defineProperty(document, "hidden", { get: () => true })
`

/** A token as far as the page reads it. */
const tokenOf = (claims: object): string =>
  `head.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`

describe("The page", { skip: skipped !== undefined, meta: { skipped } }, () => {
  let store: LiveStore
  let browser: Browser
  let pictures: string

  beforeAll(async () => {
    pictures = process.env["GSTORE_SCREENSHOTS"] ?? await mkdtemp(join(tmpdir(), "g-store-pictures-"))
    const parts = await Promise.all([
      liveStore(),
      chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })
    ])
    store = parts[0]
    browser = parts[1]
  })
  afterAll(async () => {
    await browser?.close()
    await store?.stop()
  })

  /** A window of somebody's own; a fault in the page's script fails the test. */
  const windowOf = async (
    path: string,
    faults: Array<string>,
    prepare: (context: BrowserContext) => Promise<void> = async () => {}
  ): Promise<Page> => {
    const context = await browser.newContext({
      locale: "en-GB",
      reducedMotion: "reduce",
      viewport: { width: 1280, height: 860 }
    })
    await prepare(context)
    const page = await context.newPage()
    page.setDefaultTimeout(20_000)
    onTestFailed(async () =>
      void await page.screenshot({ path: join(pictures, `failed${path.replace("/", "-")}.png`), fullPage: true })
    )
    page.on("pageerror", ({ message }) => faults.push(message))
    await page.goto(store.page + path)
    return page
  }

  /** Looks at a view as people have it: wide and narrow, light and dark. */
  const look = async (page: Page, name: string): Promise<void> => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme })
      assert.deepStrictEqual(await barriers(page), [], `${name}, ${colorScheme}`)
      await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) })
    }
    await page.emulateMedia({ colorScheme: "light" })
    await page.setViewportSize({ width: 375, height: 812 })
    const isTooWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert.strictEqual(isTooWide, false, `${name} is wider than a phone`)
    await page.screenshot({ path: join(pictures, `${name}-phone.png`), fullPage: true })
    await page.setViewportSize({ width: 1280, height: 860 })
  }

  const order = async (page: Page, amount: string, what: string): Promise<void> => {
    await page.getByLabel("Amount, ₽").fill(amount)
    await page.getByLabel("What is it?").fill(what)
    await page.getByRole("button", { name: "Place order" }).click()
    await page.getByRole("listitem").filter({ hasText: what }).waitFor()
  }

  const card = (page: Page, what: string, status: string) =>
    page.locator("[data-order]").filter({ hasText: what }).locator(".badge, .reason").getByText(status, { exact: true })
      .waitFor()

  it("shows buying, paying, shipping and cancelling live, through a crash of the store", async () => {
    const faults: Array<string> = []
    const shop = await windowOf("/", faults)
    await look(shop, "welcome")
    await shop.getByRole("button", { name: "Continue as a new customer" }).click()
    await shop.getByText("No orders yet.").waitFor()
    await shop.getByRole("button", { name: "Open an account" }).click()
    await shop.getByLabel("Amount to add, ₽").fill("5000")
    await shop.getByRole("button", { name: "Top up" }).click()
    await shop.locator(".balance").getByText("₽5,000.00").waitFor()
    await order(shop, "1290,50", "Two books")
    await card(shop, "Two books", "Paid")
    await shop.locator(".balance").getByText("₽3,709.50").waitFor()
    await order(shop, "99999", "A large telescope")
    await card(shop, "A large telescope", "There was not enough money on the account")
    await order(shop, "349", "A mug with a fox")
    await card(shop, "A mug with a fox", "Paid")

    const staff = await windowOf("/staff", faults)
    await staff.getByLabel("Staff key").fill("not the key")
    await staff.getByRole("button", { name: "Open the board" }).click()
    await staff.getByRole("alert").getByText("The X-Staff-API-Key is not the store's.").waitFor()
    await look(staff, "staff")
    await staff.getByLabel("Staff key").fill(STAFF_KEY)
    await staff.getByRole("button", { name: "Open the board" }).click()
    await staff.getByText("Live", { exact: true }).waitFor()
    const books = staff.locator("[data-order]").filter({ hasText: "Two books" })
    await books.getByRole("button", { name: "Start assembling" }).click()
    await card(shop, "Two books", "Being assembled")

    await store.kill()
    await shop.getByText("Connection lost. Trying again…").waitFor()
    await shop.getByLabel("Amount to add, ₽").fill("abc")
    await shop.getByRole("button", { name: "Top up" }).click()
    await shop.getByText("Write an amount such as 1500 or 99.90.").waitFor()
    await store.start()
    await Promise.all([shop, staff].map((page) => page.getByText("Live", { exact: true }).waitFor()))
    await card(shop, "Two books", "Being assembled")

    for (const [button, status] of [["Finish assembling", "Assembled"], ["Hand to delivery", "On its way"]] as const) {
      await books.getByRole("button", { name: button }).click()
      await card(shop, "Two books", status)
    }
    await staff.getByRole("log").getByText("On its way").waitFor()
    const mug = shop.locator("[data-order]").filter({ hasText: "A mug with a fox" })
    await mug.getByRole("button", { name: "Cancel order" }).click()
    await shop.getByRole("dialog").getByRole("button", { name: "Yes, cancel" }).click()
    await card(shop, "A mug with a fox", "The customer changed their mind")
    await shop.locator(".balance").getByText("₽3,709.50").waitFor()
    await staff.locator(".column-cancelled").getByText("A mug with a fox").waitFor()
    await books.getByRole("button", { name: "Cancel order" }).click()
    await staff.getByLabel("Reason").selectOption("DELIVERY_UNAVAILABLE")
    await staff.getByRole("button", { name: "Yes, cancel" }).click()
    await card(shop, "Two books", "Delivery is not possible")
    await shop.locator(".balance").getByText("₽5,000.00").waitFor()

    await shop.reload()
    await shop.getByText("Live", { exact: true }).waitFor()
    await card(shop, "Two books", "Delivery is not possible")
    await order(shop, "720", "A warm scarf")
    await card(shop, "A warm scarf", "Paid")
    await look(shop, "shop")
    await look(staff, "board")
    await shop.getByLabel("Language").selectOption("ru")
    await card(shop, "A warm scarf", "Оплачен")
    await shop.locator(".balance").getByText("4 280,00 ₽").waitFor()
    await shop.setViewportSize({ width: 375, height: 812 })
    await shop.screenshot({ path: join(pictures, "shop-russian.png"), fullPage: true })
    assert.deepStrictEqual(faults, [])
  })

  it("takes a pasted token, pages through the statement, and tells of changes in the background", async () => {
    const faults: Array<string> = []
    const { accessToken, userId } = await makeStoreApi({ baseUrl: store.gateway }).identity.token()
    const ada = makeStoreApi({ baseUrl: store.gateway, token: () => accessToken })
    const { id } = await ada.accounts.open()
    for (let nth = 1; nth <= 25; nth++) await ada.accounts.topUp(id, nth * 100)

    const notified = Promise.withResolvers<string>()
    const told = notified.promise
    const shop = await windowOf("/", faults, async (context) => {
      await context.exposeFunction("notified", (text: string) => {
        if (text.includes("Paid")) notified.resolve(text)
      })
      await context.addInitScript(background)
    })
    const paste = async (token: string) => {
      await shop.getByLabel("Access token").fill(token)
      await shop.getByRole("button", { name: "Use this token" }).click()
    }
    await shop.getByText("I have a token").click()
    await paste("not a token")
    await shop.getByRole("alert").getByText("This is not an access token").waitFor()
    await paste(tokenOf({ sub: userId, exp: 1 }))
    await shop.getByRole("alert").getByText("This token is no longer valid.").waitFor()
    await paste(tokenOf({ sub: userId, role: "staff" }))
    await shop.getByRole("alert").getByText("This is a staff token.").waitFor()
    await paste(`Bearer ${accessToken}`)
    await shop.locator(".balance").getByText("₽325.00").waitFor()
    await shop.getByText("Live", { exact: true }).waitFor()

    const statement = shop.locator(".statement")
    const shown = async () => statement.locator(".moved b").allTextContents()
    const seen = await shown()
    while (await statement.getByRole("button", { name: "Older" }).isEnabled()) {
      const page = seen.length / 5 + 1
      await statement.getByRole("button", { name: "Older" }).click()
      await statement.getByText(`Page ${page}`, { exact: true }).waitFor()
      seen.push(...await shown())
    }
    assert.deepStrictEqual(seen, Array.from({ length: 25 }, (_, nth) => `+₽${25 - nth}.00`))
    await statement.getByRole("button", { name: "Newer" }).click()
    await statement.getByText("Page 4", { exact: true }).waitFor()

    await shop.getByRole("button", { name: "Notify me" }).click()
    await shop.getByRole("button", { name: "Notifications are on" }).waitFor()
    const { orderId } = await ada.orders.create({ amount: 100, description: "A postcard" })
    assert.include(await told, "Paid")
    assert.include(await told, orderId.slice(-8))

    const staff = await windowOf("/staff", faults)
    await staff.getByLabel("Staff key").fill(STAFF_KEY)
    await staff.getByRole("button", { name: "Open the board" }).click()
    await staff.getByText("Live", { exact: true }).waitFor()
    const search = staff.getByLabel("Search by order or user id")
    const cards = staff.locator("[data-order]")
    for (const wanted of [orderId, userId, userId.slice(0, 13).toUpperCase()]) {
      await search.fill(wanted)
      await cards.filter({ hasText: "A postcard" }).waitFor()
    }
    await search.fill("00000000-0000-4000-8000-000000000000")
    await staff.getByText("No order on the board matches.").waitFor()
    assert.strictEqual(await cards.count(), 0)
    await search.fill("")
    await cards.filter({ hasText: "A postcard" }).waitFor()
    assert.deepStrictEqual(faults, [])
  })
})
