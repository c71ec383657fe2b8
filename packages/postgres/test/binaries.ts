/** Completes a copy of the package as whoever runs this: `node binaries.ts <native folder>`. Writes where it may run from. */
import { Effect } from "effect"
import { complete } from "../src/Binaries.ts"

const [native = ""] = process.argv.slice(2)
const usable = await Effect.runPromise(complete("/nowhere", { native, version: "test" }))
process.stdout.write(usable.native)
