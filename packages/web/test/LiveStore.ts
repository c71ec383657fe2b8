import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const gstore = join(import.meta.dirname, "../../g-store")
const KEPT = 4_000

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}

/** Runs a program until it has printed a text. */
const started = async (
  args: ReadonlyArray<string>,
  env: Record<string, string>,
  text: string
): Promise<ChildProcess> => {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT)
      if (output.includes(text)) resolve()
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    child.once(
      "exit",
      (code) => reject(new Error(`${args.join(" ")} ended with ${code} before it printed "${text}"\n${output}`))
    )
  })
  return child
}

const ended = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, "exit")
  child.kill(signal)
  await exit
}

export interface LiveStore {
  /** The page's address. */
  readonly page: string
  /** The gateway's. */
  readonly gateway: string
  readonly kill: () => Promise<void>
  /** Once more, with the same data. */
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A whole store in a process on free ports, and its page in another one, which stays while the store is killed. */
export const liveStore = async (): Promise<LiveStore> => {
  const data = await mkdtemp(join(tmpdir(), "g-store-web-"))
  const [gateway, admin, unused, web] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const page = `http://127.0.0.1:${web}`
  const env = {
    LOG_FORMAT: "pretty",
    LOG_LEVEL: "info",
    GSTORE_DATA_DIR: data,
    GATEWAY_PORT: String(gateway),
    ADMIN_PORT: String(admin),
    WEB_PORT: String(unused),
    CORS_ORIGINS: page
  }
  const start = () => started([join(gstore, "src/main.ts"), "start"], env, "g-store is ready")
  const [first, served] = await Promise.all([
    start(),
    started([join(gstore, "test/page.ts")], { ...env, WEB_PORT: String(web) }, "listening on")
  ])
  let store = first
  return {
    page,
    gateway: `http://127.0.0.1:${gateway}`,
    kill: () => ended(store, "SIGKILL"),
    start: async () => {
      store = await start()
    },
    stop: async () => {
      await Promise.all([ended(store, "SIGTERM"), ended(served, "SIGTERM")])
      await rm(data, { recursive: true, force: true })
    }
  }
}
