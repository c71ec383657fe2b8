import { Effect } from "effect"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { freePort } from "../freePort.ts"
import { nameServer } from "./NameServer.ts"

const NGINX = process.env["NGINX"] ?? "/usr/sbin/nginx"
/** Why nothing here can run on this machine. */
export const skipped = existsSync(NGINX) ? undefined : `nginx: no nginx at ${NGINX} (NGINX names another place)`

const docker = fileURLToPath(new URL("../../../../docker/nginx/", import.meta.url))

const variables: Readonly<Record<string, string>> = {
  CORS_ORIGINS: "http://localhost:3000,http://127.0.0.1:3000",
  GATEWAY_RATE: "10000",
  GATEWAY_BURST: "10000",
  GATEWAY_PASS_USER_ID: "false"
}

/** The gateway of docker-compose.yml on ports and names of this test's own. */
const rendered = (
  template: string,
  ports: { readonly http: number; readonly names: number; readonly services: number }
) =>
  template
    .replaceAll(/\$\{(\w+)\}/g, (_, name: string) => variables[name] ?? "")
    .replace("listen 80 default_server", `listen 127.0.0.1:${ports.http} default_server`)
    .replace("resolver 127.0.0.11", `resolver 127.0.0.1:${ports.names}`)
    .replaceAll(/(http:\/\/[\w-]+):8080/g, `$1:${ports.services}`)
    .replaceAll("/etc/nginx/g-store/", docker)
    .replace("access_log /dev/stdout gateway", "access_log off")

const main = (folder: string): string => `
daemon off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events {}
http {
${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${folder}/${what};`).join("\n")}
  include ${folder}/gateway.conf;
}`

/** nginx with docker/nginx/gateway.conf.template, and names whose addresses a test sets. */
export const nginxGateway = async () => {
  const names = await nameServer()
  const [http, services] = [await Effect.runPromise(freePort), await Effect.runPromise(freePort)]
  const folder = await fs.mkdtemp(path.join(tmpdir(), "g-store-nginx-"))
  const template = await fs.readFile(path.join(docker, "gateway.conf.template"), "utf8")
  await fs.writeFile(path.join(folder, "gateway.conf"), rendered(template, { http, names: names.port, services }))
  await fs.writeFile(path.join(folder, "nginx.conf"), main(folder))
  const nginx = spawn(NGINX, ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: "ignore" })
  let ended = false
  const end = new Promise<void>((resolve) =>
    nginx.once("exit", () => {
      ended = true
      resolve()
    })
  )
  const url = `http://127.0.0.1:${http}`
  for (let up = false; !up;) {
    if (ended) throw new Error(await fs.readFile(path.join(folder, "error.log"), "utf8"))
    up = await fetch(url).then(() => true, () => new Promise<false>((resolve) => setImmediate(resolve, false)))
  }
  return {
    url,
    /** The port that every replica listens on, each at an address of its own. */
    port: services,
    addresses: names.addresses,
    stop: async () => {
      nginx.kill("SIGTERM")
      await end
      await names.stop()
      await fs.rm(folder, { recursive: true, force: true })
    }
  }
}
