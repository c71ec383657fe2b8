import type { Duplex } from "node:stream"

const titles: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  429: "Too Many Requests",
  503: "Service Unavailable"
}

/** Answers an upgrade request with a problem instead, on the raw socket, and closes it. */
export const refuseUpgrade = (stream: Duplex, status: number, type: string, detail: string): void => {
  const title = titles[status] ?? "Error"
  const body = JSON.stringify({ type: `urn:g-store:${type}`, title, status, detail, error: detail })
  stream.on("error", () => stream.destroy())
  stream.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
      + `${status === 503 || status === 429 ? "Retry-After: 1\r\n" : ""}Connection: close\r\n\r\n${body}`
  )
}
