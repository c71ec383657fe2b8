import { assert, describe, it } from "@effect/vitest"
import { embeddedPostgresError, folderError, problemInLog } from "../src/EmbeddedPostgresError.ts"

describe("what PostgreSQL wrote last", () => {
  it.each([
    [`FATAL:  could not write to file "pg_wal/xlogtemp.7": No space left on device`, "DiskFull"],
    [
      `FATAL:  could not extend file "base/1/2691": wrote only 4096 of 8192 bytes at block 8. HINT:  Check free disk space.`,
      "DiskFull"
    ],
    ["FATAL:  could not create semaphores: No space left on device", "StartFailed"],
    [`LOG:  could not bind IPv4 address "127.0.0.1": Address already in use`, "PortTaken"],
    [`FATAL:  could not open file "postmaster.pid": Read-only file system`, "FolderReadOnly"],
    ["FATAL:  database files are incompatible with server", "OtherVersion"],
    ["FATAL:  something new", "StartFailed"]
  ])("%s is %s", (line, problem) => {
    assert.strictEqual(problemInLog(["LOG:  starting PostgreSQL 18.4", line], "StartFailed"), problem)
  })
})

describe("an error", () => {
  it("says how to do without PostgreSQL's package", () => {
    const { message } = embeddedPostgresError("PlatformUnsupported", "/data", "aix-ppc64")
    for (const part of ["aix-ppc64", "ORDERS_DATABASE_URL", "PAYMENTS_DATABASE_URL", "NOTIFICATIONS_DATABASE_URL"]) {
      assert.include(message, part)
    }
  })

  it("quotes the log below its sentence", () => {
    const { message } = embeddedPostgresError("Died", "/data", "signal SIGKILL", ["LOG:  one", "LOG:  two"])
    assert.strictEqual(
      message,
      "PostgreSQL in /data ended by itself (signal SIGKILL).\nPostgreSQL's last lines:\n  LOG:  one\n  LOG:  two"
    )
  })

  it.each([["ENOSPC", "DiskFull"], ["EROFS", "FolderReadOnly"], ["EACCES", "FolderReadOnly"], [
    "EIO",
    "FolderUnusable"
  ]])(
    "of the file system with code %s is %s",
    (code, problem) => {
      assert.strictEqual(folderError("/data")(Object.assign(new Error("no"), { code })).problem, problem)
    }
  )
})
