import { describe } from "@effect/vitest"
import { sequencesContract } from "./sequencesContract.ts"

describe("the store on memory, whatever comes in whatever order and at the same time,", () =>
  sequencesContract("memory", { fixed: 600, fresh: 80 }))
