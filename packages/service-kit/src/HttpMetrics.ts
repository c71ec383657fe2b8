import { type Context, Metric } from "effect"

const boundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

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

/** What an answered request counts into: one pair for every set of labels. */
const makeSeries = (method: string, route: string, status: number) => {
  const attributes = { method, route, status: String(status) }
  return {
    requests: Metric.counter("http_requests_total", {
      description: "Requests answered",
      incremental: true,
      attributes
    }),
    seconds: Metric.histogram("http_request_duration_seconds", {
      description: "Time from the request's head to its answer, in seconds",
      boundaries,
      attributes
    })
  }
}

/**
 * Counts an answer. Labels are bounded: methods that are served, path templates (`other` for what has none), statuses.
 * The metrics of each set of labels are kept, since making one costs more than updating it; and they are updated
 * synchronously, because every request does.
 */
export const makeRecorder = () => {
  const known = new Map<string, ReturnType<typeof makeSeries>>()
  return (
    context: Context.Context<never>,
    answer: {
      readonly method: string
      readonly route: string | undefined
      readonly status: number
      readonly seconds: number
    }
  ): void => {
    const method = METHODS.has(answer.method) ? answer.method : "OTHER"
    const route = answer.route ?? "other"
    const key = `${method} ${answer.status} ${route}`
    let series = known.get(key)
    if (series === undefined) {
      series = makeSeries(method, route, answer.status)
      known.set(key, series)
    }
    series.requests.updateUnsafe(1, context)
    series.seconds.updateUnsafe(answer.seconds, context)
  }
}
