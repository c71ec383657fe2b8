import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const NGINX = process.env["NGINX"] ?? "/usr/sbin/nginx"
/** Why nothing here can run on this machine. */
export const skipped = existsSync(NGINX) ? undefined : `nginx: no nginx at ${NGINX} (NGINX names another place)`

/** Where the configuration of the containers lies. */
export const docker = fileURLToPath(new URL("../../../../docker/nginx/", import.meta.url))

/** A template as the image fills it in at its start, listening on a port of 127.0.0.1. */
export const rendered = async (name: string, variables: Readonly<Record<string, string>>, port: number) =>
  (await fs.readFile(path.join(docker, name), "utf8"))
    .replaceAll(/\$\{(\w+)\}/g, (whole, variable: string) => variables[variable] ?? whole)
    .replace("listen 80 default_server", `listen 127.0.0.1:${port} default_server`)

const main = (folder: string): string => `
daemon off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${folder}/${what};`).join("\n")}
  include ${folder}/site.conf;
}`

/** Runs nginx with this configuration of a server that listens on the port. */
export const startNginx = async (site: string, port: number) => {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "g-store-nginx-"))
  await fs.writeFile(path.join(folder, "site.conf"), site)
  await fs.writeFile(path.join(folder, "nginx.conf"), main(folder))
  const nginx = spawn(NGINX, ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: "ignore" })
  let ended = false
  const end = new Promise<void>((resolve) =>
    nginx.once("exit", () => {
      ended = true
      resolve()
    })
  )
  const url = `http://127.0.0.1:${port}`
  for (let up = false; !up;) {
    if (ended) throw new Error(await fs.readFile(path.join(folder, "error.log"), "utf8"))
    up = await fetch(url).then(() => true, () => new Promise<false>((resolve) => setImmediate(resolve, false)))
  }
  return {
    url,
    stop: async () => {
      nginx.kill("SIGTERM")
      await end
      await fs.rm(folder, { recursive: true, force: true })
    }
  }
}
