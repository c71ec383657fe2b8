import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

/** The folder of the workspace; every command runs in it, wherever it was called from. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")

/** Notes of earlier runs. Inside node_modules, so that removing that folder forgets them too. */
export const cache = path.join(root, "node_modules", ".cache", "g-store")

/** The first Node that runs TypeScript workspaces as they are, and the first pnpm that knows all our settings. */
export const leastNode = 24
export const leastPnpm = 11

const read = (file) => {
  try {
    return readFileSync(path.join(root, file), "utf8")
  } catch {
    return undefined
  }
}

/** What an earlier run fetched: `{ node, pnpm }`, absolute paths; empty where it fetched nothing or it is gone. */
export const remembered = () => {
  try {
    const found = JSON.parse(readFileSync(path.join(cache, "toolchain.json"), "utf8"))
    return Object.fromEntries(Object.entries(found).filter(([, file]) => existsSync(file)))
  } catch {
    return {}
  }
}

/** Written beside and renamed, so that a reader never sees half a note. */
export const remember = (file, text) => {
  mkdirSync(cache, { recursive: true })
  const draft = path.join(cache, `${file}.${process.pid}`)
  writeFileSync(draft, text)
  renameSync(draft, path.join(cache, file))
}

/** A Node that is at hand and new enough, or undefined. */
export const installedNode = () =>
  Number.parseInt(process.versions.node, 10) >= leastNode ? process.execPath : remembered().node

/**
 * One hash over all that decides what an install lays down, and over what the last one did lay down: it changes when
 * somebody edits a dependency, pulls a new lockfile, installs by hand or removes part of node_modules.
 */
const fingerprint = () => {
  const hash = createHash("sha256")
  const packages = readdirSync(path.join(root, "packages")).toSorted().map((name) => `packages/${name}`)
  for (const folder of [".", ...packages]) {
    const manifest = read(`${folder}/package.json`)
    if (manifest === undefined) continue
    const { name, dependencies, devDependencies, optionalDependencies } = JSON.parse(manifest)
    hash.update(JSON.stringify([folder, name, dependencies, devDependencies, optionalDependencies]))
    const some = dependencies ?? devDependencies ?? optionalDependencies
    if (some !== undefined) hash.update(String(existsSync(path.join(root, folder, "node_modules"))))
  }
  for (const file of ["pnpm-workspace.yaml", "pnpm-lock.yaml", "node_modules/.pnpm/lock.yaml"]) {
    hash.update(`${file}\0${read(file) ?? "(missing)"}\0`)
  }
  return hash.update(`${process.platform} ${process.arch}`).digest("hex")
}

export const isInstalled = () => read("node_modules/.cache/g-store/installed") === fingerprint()

/** To be called after an install that went through. */
export const rememberInstall = () => remember("installed", fingerprint())
