import { Effect } from "effect"
import { freePort } from "../freePort.ts"
import { nameServer } from "./NameServer.ts"
import { docker, rendered, startNginx } from "./Nginx.ts"

const variables: Readonly<Record<string, string>> = {
  CORS_ORIGINS: "http://localhost:3000,http://127.0.0.1:3000",
  GATEWAY_RATE: "10000",
  GATEWAY_BURST: "10000",
  GATEWAY_PASS_USER_ID: "false"
}

/** nginx with docker/nginx/gateway.conf.template, and names whose addresses a test sets. */
export const nginxGateway = async () => {
  const names = await nameServer()
  const [http, services] = [await Effect.runPromise(freePort), await Effect.runPromise(freePort)]
  const template = await rendered("gateway.conf.template", variables, http)
  const site = template
    .replace("resolver 127.0.0.11", `resolver 127.0.0.1:${names.port}`)
    .replaceAll(/(http:\/\/[\w-]+):8080/g, `$1:${services}`)
    .replaceAll("/etc/nginx/g-store/", docker)
    .replace("access_log /dev/stdout gateway", "access_log off")
  const { stop, url } = await startNginx(site, http)
  return {
    url,
    /** The port that every replica listens on, each at an address of its own. */
    port: services,
    addresses: names.addresses,
    stop: async () => {
      await stop()
      await names.stop()
    }
  }
}
