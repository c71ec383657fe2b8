import { assert, it } from "vitest"
import { unwritable } from "../prepare.mjs"

const error = (code) => Object.assign(new Error(`${code}: no`), { code, path: "/srv/g-store/node_modules" })

it("says in one line what to do about a clone that cannot be written", () => {
  assert.strictEqual(
    unwritable(error("EACCES")),
    "/srv/g-store/node_modules cannot be written (EACCES): something is to be installed here, and it is another user's "
      + "clone. Start g-store as that user, or make a clone of your own"
  )
  assert.match(unwritable(error("ENOSPC")), /the disk is full: free some space$/)
  assert.match(unwritable(error("EROFS")), /read-only: clone g-store somewhere else$/)
})

it("leaves every other error as it is", () => {
  assert.isUndefined(unwritable(error("ENOENT")))
  assert.isUndefined(unwritable(new TypeError("a bug")))
})
