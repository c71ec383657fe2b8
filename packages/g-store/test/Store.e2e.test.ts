import { assert, it } from "@effect/vitest"
import { makeStoreApi } from "@g-store/client/StoreApi.ts"
import { Effect } from "effect"
import * as fs from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { freePort } from "./freePort.ts"
import { postmaster, run } from "./kills/StoreProcess.ts"

/** A store of its own: a folder and ports that nobody else has. */
const place = Effect.gen(function*() {
  const dataDir = yield* Effect.acquireRelease(
    Effect.promise(() => fs.mkdtemp(path.join(tmpdir(), "g-store-e2e-"))),
    (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true }))
  )
  const [gateway, admin, web] = [yield* freePort, yield* freePort, yield* freePort]
  const env = {
    GSTORE_DATA_DIR: dataDir,
    GATEWAY_PORT: String(gateway),
    ADMIN_PORT: String(admin),
    WEB_PORT: String(web),
    LOG_LEVEL: "warn"
  }
  return { dataDir, env, url: `http://127.0.0.1:${gateway}` }
})

const started = Effect.fnUntraced(function*(env: Readonly<Record<string, string>>) {
  const store = yield* run(["start"], env)
  yield* store.printed("g-store is ready")
  return store
})

const eventually = async (holds: () => Promise<boolean>) => {
  for (let left = 600; !(await holds()); left--) {
    if (left === 0) throw new Error(`within 30 seconds this did not hold: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

it.live("takes an order from its account to ISSUED, through a kill, and audits clean", () =>
  Effect.gen(function*() {
    const { dataDir, env, url } = yield* place
    const store = yield* started(env)
    const { orderId, token } = yield* Effect.promise(async () => {
      const issued = await makeStoreApi({ baseUrl: url }).identity.token()
      const ada = makeStoreApi({ baseUrl: url, token: () => issued.accessToken })
      const { id } = await ada.accounts.open()
      await ada.accounts.topUp(id, 10_000)
      return { orderId: (await ada.orders.create({ amount: 1_500 })).orderId, token: issued.accessToken }
    })

    // Killed with its server before anybody could see what became of the order.
    const server = yield* postmaster(dataDir)
    if (server !== undefined) process.kill(server, "SIGKILL")
    yield* store.kill("SIGKILL")
    const again = yield* started(env)

    yield* Effect.promise(async () => {
      const page = await fetch(`http://127.0.0.1:${env.WEB_PORT}/`, { method: "POST" })
      assert.deepStrictEqual([page.status, page.headers.get("allow")], [405, "GET, HEAD, OPTIONS"])
      // Tokens survive a restart: the keys are in the folder.
      const ada = makeStoreApi({ baseUrl: url, token: () => token })
      const staff = makeStoreApi({ baseUrl: url, staffKey: "dev-staff-key-not-for-production" })
      await eventually(async () => (await ada.orders.get(orderId)).status === "PAID")
      for (const status of ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const) {
        await staff.staff.move(orderId, status)
      }
      const { entries } = await ada.orders.history(orderId)
      assert.deepStrictEqual(
        entries.map(({ version, status }) => `${version} ${status}`),
        [
          "1 PENDING",
          "2 PAID",
          "3 ASSEMBLING",
          "4 ASSEMBLED",
          "5 DELIVERING",
          "6 ISSUED"
        ]
      )
      assert.strictEqual((await ada.accounts.mine()).balance, 8_500)
    })

    const audit = yield* run(["audit"], env)
    assert.strictEqual(yield* audit.ended, 0, yield* audit.output)
    assert.include(yield* audit.output, "1 orders, no journal given")
    const journal = path.join(dataDir, "journal")
    yield* Effect.promise(() => fs.writeFile(journal, ""))
    const journalled = yield* run(["audit", "--journal", journal], env)
    assert.strictEqual(yield* journalled.ended, 0, yield* journalled.output)
    assert.include(yield* journalled.output, "the journal has 0 entries")
    const second = yield* run(["start"], env)
    assert.strictEqual(yield* second.ended, 1)
    assert.include(yield* second.output, "GSTORE_DATA_DIR")
    yield* again.kill("SIGTERM")
    assert.strictEqual(yield* again.ended, 0)

    // A tool beside a stopped store runs the database itself.
    const after = yield* run(["audit"], env)
    assert.strictEqual(yield* after.ended, 0, yield* after.output)
  }).pipe(Effect.scoped), 120_000)

it.live.each(["GATEWAY_PORT", "WEB_PORT", "ADMIN_PORT"] as const)(
  "names %s where its port is taken",
  (variable) =>
    Effect.gen(function*() {
      const { env } = yield* place
      const taken = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer()
          server.listen(Number(env[variable]), "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      assert.isTrue(taken.listening)
      const store = yield* run(["start"], env)
      assert.strictEqual(yield* store.ended, 1)
      assert.include(yield* store.output, variable)
    }).pipe(Effect.scoped),
  60_000
)
