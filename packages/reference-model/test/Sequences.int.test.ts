import { describe } from "@effect/vitest"
import { sequencesContract } from "./sequencesContract.ts"

describe("the store on PostgreSQL, whatever comes in whatever order and at the same time,", () =>
  sequencesContract("postgres", { fixed: 200, fresh: 40 }))
