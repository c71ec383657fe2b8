import type { Forbidden } from "@g-store/contracts/Problems.ts"
import type { Refusal } from "@g-store/service-kit/Callers.ts"
import type { Duplex } from "node:stream"

/** Answers an upgrade request with a problem instead, on the raw socket, and closes it. */
export const refuseUpgrade = (stream: Duplex, problem: Refusal | Forbidden): void => {
  const { detail, status, title, type } = problem
  const body = JSON.stringify({ type, title, status, detail, error: detail })
  const retryAfter = "retryAfter" in problem ? `Retry-After: ${problem.retryAfter}\r\n` : ""
  stream.on("error", () => stream.destroy())
  stream.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n`
      + `Content-Length: ${Buffer.byteLength(body)}\r\n${retryAfter}Connection: close\r\n\r\n${body}`
  )
}
