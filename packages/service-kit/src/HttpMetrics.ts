import { Effect, Metric } from "effect"

const boundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const requests = Metric.counter("http_requests_total", { description: "Requests answered", incremental: true })
const seconds = Metric.histogram("http_request_duration_seconds", {
  description: "Time from the request's head to its answer, in seconds",
  boundaries
})
/** Requests being worked on. */
export const inFlightGauge = Metric.gauge("http_requests_in_flight", { description: "Requests being worked on" })
/** Requests turned away because too many were being worked on. */
export const shedCounter = Metric.counter("http_requests_shed_total", {
  description: "Requests turned away with 503 because too many were being worked on",
  incremental: true
})
/** Answers of 500: each is logged with its cause. */
export const defectCounter = Metric.counter("http_defects_total", {
  description: "Requests that failed by a fault of ours",
  incremental: true
})

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

/**
 * Counts an answer. Labels are bounded: methods that are served, path templates (`other` for what has none), statuses.
 * The labelled metrics are kept, since making one costs more than updating it.
 */
export const makeRecorder = () => {
  const labelled = new Map<string, (elapsed: number) => Effect.Effect<void>>()
  const make = (method: string, route: string, status: number) => {
    const attributes = { method, route, status: String(status) }
    const counted = Metric.update(Metric.withAttributes(requests, attributes), 1)
    const timed = Metric.withAttributes(seconds, attributes)
    return (elapsed: number) => Effect.andThen(counted, Metric.update(timed, elapsed))
  }
  return (method: string, route: string | undefined, status: number, elapsedSeconds: number): Effect.Effect<void> => {
    const shownMethod = METHODS.has(method) ? method : "OTHER"
    const key = `${shownMethod} ${status} ${route ?? "other"}`
    let record = labelled.get(key)
    if (record === undefined) {
      record = make(shownMethod, route ?? "other", status)
      labelled.set(key, record)
    }
    return record(elapsedSeconds)
  }
}
