// docs/guarantees.md names files, mutants and links: each must be there, or the page promises by a name that nobody has.
import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, it } from "vitest"
import { catalogue } from "../../packages/mutants/src/Catalogue.ts"

const root = join(import.meta.dirname, "../..")
const page = readFileSync(join(root, "docs/guarantees.md"), "utf8")
const rows = page.split("\n").filter((line) => line.startsWith("| "))
const named = (text) => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name)

describe("docs/guarantees.md", () => {
  it("names files that exist", () => {
    const files = named(page).filter((name) => name.startsWith("packages/"))
    assert.ok(files.length > 100, `${files.length} files were found on the page`)
    assert.deepEqual(files.filter((file) => !existsSync(join(root, file))), [])
  })

  it("gives every guarantee what gives it, and the test and the mutant that belong together", () => {
    const guarantees = rows.filter((row) => row.includes("/src/") && row.includes("/test/"))
    assert.ok(guarantees.length > 40, `${guarantees.length} guarantees were found on the page`)
    for (const row of guarantees) {
      const [gives, test, mutants] = row.split(" | ").slice(1)
      assert.match(gives, /^`packages\/[^`]+\/src\/[^`]+\.ts`\s*$/)
      assert.match(test, /^`packages\/[^`]+\/test\/[^`]+\.test\.ts`\s*$/)
      for (const name of named(mutants)) {
        const mutant = catalogue.find((one) => one.name === name)
        assert.ok(mutant, `no mutant is called ${name}`)
        const planted = mutant.edits.map((edit) => edit.file)
        const caught = mutant.witnesses.map((witness) => witness.file)
        assert.ok(planted.includes(named(gives)[0]), `${name} is planted in ${planted}, not in ${gives}`)
        assert.ok(caught.includes(named(test)[0]), `${name} is caught by ${caught}, not by ${test}`)
      }
    }
  })

  it("links to pages that exist", () => {
    const links = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link)
    assert.ok(links.length > 0)
    assert.deepEqual(links.filter((link) => !existsSync(join(dirname(join(root, "docs/guarantees.md")), link))), [])
  })
})
