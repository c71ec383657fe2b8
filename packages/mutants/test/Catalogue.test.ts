import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { catalogue } from "../src/Catalogue.ts"
import { edited } from "../src/Mutant.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const read = (file: string) => readFileSync(path.join(root, file), "utf8")

/** All that stands in the test folder of a package: contracts lie beside the files that run them. */
const testsOf = (file: string): string => {
  const folder = path.join(root, file.split("/").slice(0, 3).join("/"))
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), "utf8"))
    .join("\n")
}
/** Names are built from templates here and there: what stands before and after a number must be there. */
const stands = (name: string, text: string): boolean =>
  name.replaceAll("\"", "\\\"").split(/\d+/).every((part) =>
    text.includes(part) || text.includes(part.replaceAll("\\\"", "\""))
  )

/** What goes wrong in stores of this kind again and again. Each has its mutant. */
const classics = [
  "acks-zero",
  "publish-before-commit",
  "sent-before-acknowledged",
  "offset-before-commit",
  "no-dedup",
  "dedup-without-consumer",
  "skip-on-error",
  "key-by-user",
  "unlocked-balance",
  "no-unique-payment",
  "retry-overtakes",
  "skip-locked-ignored",
  "refund-before-charge-swallowed",
  "lease-without-expiry",
  "snapshot-after-live",
  "resume-off-by-one"
]

describe("the catalogue of mutants", () => {
  it("has the classic defects", () => {
    const names = catalogue.map(({ name }) => name)
    assert.deepStrictEqual(classics.filter((name) => !names.includes(name)), [])
    assert.isTrue(names.some((name) => name.startsWith("slow-consumer")), "none lets a slow consumer go unheard")
  })

  it("names each mutant once, and is no short list", () => {
    const names = catalogue.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    assert.isAtLeast(names.length, 20)
  })

  for (const { edits, name, witnesses, without = [] } of catalogue) {
    it(`can still plant ${name}, and names tests that are there`, () => {
      const texts = new Map<string, string>()
      for (const edit of [...without, ...edits]) {
        const result = edited(texts.get(edit.file) ?? read(edit.file), edit)
        if ("fault" in result) assert.fail(result.fault)
        else texts.set(edit.file, result.text)
      }
      for (const { file, test } of witnesses) {
        assert.isTrue(existsSync(path.join(root, file)), `there is no ${file}`)
        assert.isTrue(stands(test, testsOf(file)), `${file} has no test "${test}"`)
      }
    })
  }
})
