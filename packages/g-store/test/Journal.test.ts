import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { JournalLineUnreadable, readJournal } from "../src/Journal.ts"
import { scratchFolder } from "./scratchFolder.ts"

const orderId = "0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10"
const cancelled = JSON.stringify({ _tag: "OrderCancelled", orderId, reason: "CHANGED_MIND" })
const paid = JSON.stringify({ _tag: "StatusChanged", orderId, status: "PAID" })

const tagsOf = (text: string) =>
  Effect.gen(function*() {
    const file = path.join(yield* scratchFolder("journal"), "journal")
    yield* Effect.promise(() => fs.writeFile(file, text))
    return (yield* readJournal(file)).map(({ _tag }) => _tag)
  }).pipe(Effect.provide(NodeServices.layer))

const lineOf = (text: string) =>
  Effect.map(Effect.flip(tagsOf(text)), (error) => error instanceof JournalLineUnreadable ? error.line : error)

describe("A journal", () => {
  it.live("is read line by line", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* tagsOf(""), [])
      assert.deepStrictEqual(yield* tagsOf(`${cancelled}\n${paid}\n`), ["OrderCancelled", "StatusChanged"])
    }))

  it.live("leaves out a last line that was cut short, and takes one that only lacks its end", () =>
    Effect.gen(function*() {
      for (const cut of [paid.slice(0, 10), paid.slice(0, -1), "{"]) {
        assert.deepStrictEqual(yield* tagsOf(`${cancelled}\n${cut}`), ["OrderCancelled"])
      }
      assert.deepStrictEqual(yield* tagsOf(`${cancelled}\n${paid}`), ["OrderCancelled", "StatusChanged"])
    }))

  it.live("with any other line that is no entry is none, and says which line it is", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* lineOf(`${paid.slice(0, -1)}\n${cancelled}\n`), 1)
      assert.strictEqual(yield* lineOf(`${cancelled}\n${paid},\n`), 2)
      assert.strictEqual(yield* lineOf(`${cancelled}\n\n${paid}\n`), 2)
      assert.strictEqual(yield* lineOf("orders\nof today\n"), 1)
      assert.strictEqual(yield* lineOf(`${cancelled}\n${paid.replace("PAID", "SOLD")}\n`), 2)
    }))
})
