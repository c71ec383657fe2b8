import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as fs from "node:fs/promises"
import { fileURLToPath } from "node:url"

const folder = new URL("../limits/", import.meta.url)

/** The frozen programs and scripts, by name in limits/. */
export const limitFile = (name: string): string => fileURLToPath(new URL(name, folder))

export const limitText = (name: string): Effect.Effect<string> =>
  Effect.promise(() => fs.readFile(limitFile(name), "utf8"))

/** The programs that our figures are ratios to. */
export const frozen = ["create.mjs", "create.sql", "saga/schema.sql", "saga/create.sql", "saga/consume.sql"] as const

/** SHA-256 of a frozen program, in hex. */
export const hashOf = (name: string): Effect.Effect<string> =>
  Effect.map(limitText(name), (text) => createHash("sha256").update(text).digest("hex"))
