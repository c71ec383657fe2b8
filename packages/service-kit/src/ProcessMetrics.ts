import { Effect, Layer, Metric } from "effect"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"

const lag = Metric.gauge("nodejs_eventloop_lag_max_seconds", {
  description: "The longest that the event loop was held up in the last 5 seconds"
})
const busy = Metric.gauge("nodejs_eventloop_utilization", {
  description: "Share of the last 5 seconds that the event loop worked"
})
const resident = Metric.gauge("process_resident_memory_bytes", { description: "Memory that the process holds" })
const heap = Metric.gauge("nodejs_heap_used_bytes", { description: "Memory that JavaScript objects take" })
const cpu = Metric.counter("process_cpu_seconds_total", { description: "Processor time used", incremental: true })

/** Event loop, memory and processor of this process, sampled every 5 seconds into the metrics. */
export const ProcessMetrics = Layer.effectDiscard(Effect.gen(function*() {
  const delay = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution: 20 })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => void histogram.disable())
  )
  let usage = process.cpuUsage()
  let utilization = performance.eventLoopUtilization()
  const sample = Effect.suspend(() => {
    const used = process.cpuUsage(usage)
    const worked = performance.eventLoopUtilization(utilization).utilization
    const memory = process.memoryUsage()
    const longest = delay.max / 1e9
    usage = process.cpuUsage()
    utilization = performance.eventLoopUtilization()
    delay.reset()
    return Effect.all([
      Metric.update(lag, longest),
      Metric.update(busy, worked),
      Metric.update(resident, memory.rss),
      Metric.update(heap, memory.heapUsed),
      Metric.update(cpu, (used.user + used.system) / 1e6)
    ], { discard: true })
  })
  yield* sample
  yield* sample.pipe(Effect.delay("5 seconds"), Effect.forever, Effect.forkScoped)
}))
