import { assert, describe, it } from "@effect/vitest"
import { samplesIn } from "../chaos/Metrics.ts"
import { reportOf, tally } from "./Meters.ts"

const page = (absorbed: number) =>
  [
    "# HELP inbox_duplicates_absorbed_total Messages that had been taken before",
    "# TYPE inbox_duplicates_absorbed_total counter",
    `inbox_duplicates_absorbed_total{consumer="money"} ${absorbed}`,
    "inbox_retries_total{kind=\"transient\",consumer=\"money\"} 2",
    "inbox_retries_total{kind=\"named\",consumer=\"money\"} 1",
    "relay_publish_failures_total{service=\"orders\",outcome=\"unknown\"} 4",
    "inbox_lag_seconds{consumer=\"money\"} 7",
    ""
  ].join("\n")

describe("What processes count", () => {
  it("is read with its labels", () => {
    assert.deepStrictEqual(samplesIn(page(5))[0], {
      name: "inbox_duplicates_absorbed_total",
      labels: { consumer: "money" },
      value: 5
    })
    assert.strictEqual(samplesIn(page(5)).length, 5)
  })

  it("is added up over the lives of processes, of each the last that was heard", () => {
    const counted = tally()
    counted.record("one 1", samplesIn(page(5)))
    counted.record("one 1", samplesIn(page(7)))
    // It was killed and began again at 0.
    counted.record("one 2", samplesIn(page(3)))
    assert.strictEqual(counted.sum("inbox_duplicates_absorbed_total", { consumer: "money" }), 10)
    assert.strictEqual(counted.lives(), 2)
    assert.match(reportOf(counted), /money +0 +10 +6 +0 +0\n/)
    assert.match(reportOf(counted), /orders +0 +0 +8$/)
  })
})
