/** Where the store is and how it shows money. */
export interface Settings {
  /** The gateway, without a slash at the end. */
  readonly gateway: string
  /** The gateway's WebSocket. */
  readonly socket: string
  /** ISO 4217, for display only. */
  readonly currency: string
}

interface ConfigFile {
  readonly gateway?: string
  readonly gatewayPort?: number
  readonly currency?: string
}

const read = async (): Promise<ConfigFile> => {
  const response = await fetch("/config.json", { cache: "no-store" })
  if (!response.ok || response.headers.get("content-type")?.includes("json") !== true) return {}
  const value: ConfigFile = await response.json()
  return value
}

/** From `/config.json` beside the page; without one the gateway is on port 8080 of the page's own host. */
export const loadSettings = async (): Promise<Settings> => {
  const file = await read().catch((): ConfigFile => ({}))
  const gateway = (file.gateway ?? `${location.protocol}//${location.hostname}:${file.gatewayPort ?? 8080}`)
    .replace(/\/$/, "")
  return { gateway, socket: `${gateway.replace(/^http/, "ws")}/ws/orders/`, currency: file.currency ?? "RUB" }
}
