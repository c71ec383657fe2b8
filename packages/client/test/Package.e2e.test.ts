import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { build } from "vite"

const client = join(import.meta.dirname, "..")
const folderOf = (name: string) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
/** What the REST client and the socket client may weigh in a page, compressed. */
const MOST_BYTES = 5_000

const program = `
import { OrderUpdates, type Snapshot } from "@g-store/client/OrderUpdates"
import { makeStoreApi, StoreProblem } from "@g-store/client/StoreApi"

const store = makeStoreApi({ baseUrl: "http://127.0.0.1:8080", timeoutMillis: 1_000 })
const updates = new OrderUpdates({ url: "ws://127.0.0.1:8080/ws/orders/", token: () => "t" })
export const follow = (show: (orders: ReadonlyArray<Snapshot>) => void) =>
  updates.subscribe({ scope: "mine" }, { onUpdate: ({ data }) => void data.version.toFixed(), onSnapshot: show })
export const status = async (id: string): Promise<"PAID" | undefined> => {
  const order = await store.orders.get(id).catch((error: unknown) => {
    if (error instanceof StoreProblem) return undefined
    throw error
  })
  return order?.status === "PAID" ? order.status : undefined
}
// @ts-expect-error The types of the contracts are really there: no order has this status.
export const wrong = async (id: string): Promise<"LOST"> => (await store.orders.get(id)).status
`

describe("the package as it is published", () => {
  let folder: string
  let installed: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "g-store-client-"))
    installed = join(folder, "node_modules/@g-store/client")
    mkdirSync(installed, { recursive: true })
    // Built by the Node that runs this: the one on the path may be older than the build needs.
    const PATH = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`
    const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
      cwd: client,
      env: { ...process.env, PATH }
    })
    const tarball = join(folder, String(packed).trim().split("\n").at(-1) ?? "")
    execFileSync("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"])
    symlinkSync(folderOf("effect"), join(folder, "node_modules/effect"))
    writeFileSync(join(folder, "program.ts"), program)
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it("holds what it is used with, nothing else, and installs from anywhere", () => {
    assert.deepStrictEqual(readdirSync(installed).toSorted(), ["README.md", "dist", "package.json"])
    const manifest = readFileSync(join(installed, "package.json"), "utf8")
    const { dependencies, private: isPrivate } = JSON.parse(manifest)
    assert.deepStrictEqual([dependencies, isPrivate], [undefined, undefined])
    for (const name of ["Connection", "OrderUpdates", "SocketLike", "StoreApi", "updatesStream"]) {
      for (const extension of ["js", "d.ts"]) assert.isTrue(existsSync(join(installed, `dist/${name}.${extension}`)))
    }
  })

  it("gives a program its types and its code, without the workspace", () => {
    const tsc = join(folderOf("typescript"), "bin/tsc")
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2024",
      "--types",
      "",
      "--skipLibCheck"
    ]
    execFileSync(process.execPath, [tsc, ...options, "program.ts"], { cwd: folder, stdio: "pipe" })
    const said =
      "import(\"@g-store/client/StoreApi\").then(({ makeStoreApi }) => console.info(typeof makeStoreApi().orders.get))"
    assert.strictEqual(
      String(execFileSync(process.execPath, ["--input-type=module", "-e", said], { cwd: folder })).trim(),
      "function"
    )
  }, 60_000)

  it(`weighs at most ${MOST_BYTES} bytes in a page, compressed`, async () => {
    const built = await build({
      root: folder,
      configFile: false,
      logLevel: "silent",
      build: { write: false, lib: { entry: join(folder, "program.ts"), formats: ["es"] }, minify: true }
    })
    const outputs = Array.isArray(built) ? built : [built]
    const chunks = outputs.flatMap((one) => "output" in one ? one.output : [])
    const code = chunks.map((chunk) => chunk.type === "chunk" ? chunk.code : "").join("")
    const bytes = gzipSync(code).length
    assert.isAbove(bytes, 1_000)
    assert.isAtMost(bytes, MOST_BYTES, `it weighs ${bytes} bytes`)
  }, 60_000)
})
