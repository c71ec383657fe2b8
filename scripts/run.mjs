#!/usr/bin/env node
// What `npm start`, `npm test` and their kin do before the real program: find or fetch a Node that runs TypeScript,
// install what is missing, hand over. Plain JavaScript for Node >= 20 without dependencies, for nothing is there yet.
import { supervise, watchParent } from "./supervise.mjs"
import { installedNode, isInstalled, root } from "./workspace.mjs"

/** What each command runs, as arguments for Node. */
const targets = {
  start: ["packages/g-store/src/main.ts", "start"],
  gstore: ["packages/g-store/src/main.ts"],
  test: ["node_modules/vitest/vitest.mjs", "run", "--config", "vitest.workspace.ts"],
  kills: ["packages/g-store/test/kills/kills.ts"],
  replicas: ["packages/g-store/test/chaos/replicas.ts"],
  outages: ["packages/g-store/test/chaos/outages.ts"],
  simulate: ["packages/simulation/src/main.ts"],
  sockets: ["packages/g-store/test/sockets/sockets.ts"],
  handover: ["packages/g-store/test/chaos/handover.ts"],
  torture: ["packages/g-store/test/torture/torture.ts"],
  sequences: ["packages/reference-model/test/sequences.ts"],
  mutants: ["packages/mutants/src/main.ts"],
  bench: ["packages/bench/src/main.ts"],
  check: ["scripts/check.mjs"],
  fix: ["scripts/fix.mjs"],
  codegen: ["scripts/codegen.mjs"]
}

const [name, ...rest] = process.argv.slice(2)
const target = targets[name]
if (target === undefined) {
  process.stderr.write(`g-store: no such command: ${name ?? "(none)"}. There are ${Object.keys(targets).join(", ")}.\n`)
  process.exit(2)
}

const unwatch = watchParent()
let node = installedNode()
if (node === undefined || !isInstalled()) {
  const { prepare } = await import("./prepare.mjs")
  node = await prepare(node)
}
// pnpm hands the separating "--" on to the script, npm keeps it.
const args = rest[0] === "--" ? rest.slice(1) : rest
supervise(node, [...target, ...args], root, unwatch)
