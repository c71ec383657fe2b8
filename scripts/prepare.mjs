import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from "node:fs"
import path from "node:path"
import { locked } from "./lock.mjs"
import { environment, log, reason, run } from "./packageManagers.mjs"
import {
  cache,
  installedNode,
  isInstalled,
  leastNode,
  leastPnpm,
  remember,
  remembered,
  rememberInstall
} from "./workspace.mjs"

const say = (line) => process.stderr.write(`g-store: ${line}\n`)

/** Ends this process with one line that says what to mend. Everything else that was printed is in the log. */
const giveUp = (line) => {
  say(`${line} (what was printed meanwhile: ${path.relative(process.cwd(), log)})`)
  process.exit(1)
}

/** npm's own entry point where npm started us, else whatever `npx` is on the path. */
const npx = () => {
  const npm = process.env.npm_execpath ?? ""
  return /npm-cli\.c?js$/.test(npm) ? [process.execPath, [npm, "exec"]] : ["npx", []]
}

/** Prints, from inside npx, where the fetched programs are: npx puts their folder first on the path. */
const locate = `
  const { existsSync, realpathSync } = require("node:fs")
  const { delimiter, join } = require("node:path")
  const pnpm = process.env.PATH.split(delimiter).map((folder) => join(folder, "pnpm")).find((file) => existsSync(file))
  console.log(JSON.stringify({ version: process.versions.node, node: process.execPath, pnpm: realpathSync(pnpm) }))
`

const fetched = async (packages) => {
  const [file, args] = npx()
  const retries = ["--fetch-retries=3", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=4000"]
  const options = ["--yes", ...retries, ...packages.map((name) => `--package=${name}`)]
  const { ok, stdout, all } = await run(file, [...args, ...options, "--", "node", "-e", locate], environment())
  const line = stdout.trim().split("\n").at(-1) ?? ""
  if (!ok || !line.startsWith("{")) giveUp(`fetching ${packages.join(" and ")} failed: ${reason(all)}`)
  return JSON.parse(line)
}

const isNewEnough = (version, least) => Number.parseInt(version, 10) >= least

/** pnpm itself, and the install scripts that it runs, take the Node that is first on the path. */
const withNode = (node) => ({
  ...environment(),
  PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ""}`
})

/** A pnpm at hand: the one that started us, one fetched earlier, one on the path. */
const installedPnpm = async (node) => {
  const candidates = [process.env.npm_execpath ?? "", remembered().pnpm ?? ""].filter((file) =>
    /pnpm\.[cm]js$/.test(file)
  )
  for (const file of candidates) {
    if (!existsSync(file)) continue
    const { version } = JSON.parse(
      readFileSync(path.join(path.dirname(realpathSync(file)), "..", "package.json"), "utf8")
    )
    if (isNewEnough(version, leastPnpm)) return [node, file]
  }
  const { ok, stdout } = await run("pnpm", ["--version"], { ...withNode(node), COREPACK_ENABLE_DOWNLOAD_PROMPT: "0" })
  return ok && isNewEnough(stdout, leastPnpm) ? ["pnpm"] : undefined
}

/** Makes sure that there is a Node which runs TypeScript and that the dependencies lie ready; answers that Node. */
const prepareAlone = async () => {
  let node = installedNode()
  if (node !== undefined && isInstalled()) return node
  rmSync(log, { force: true })
  let pnpm = node && await installedPnpm(node)
  if (pnpm === undefined) {
    const want = [...(node === undefined ? [`node@${leastNode}`] : []), `pnpm@${leastPnpm}`]
    const why = node === undefined
      ? `Node ${process.versions.node} is older than ${leastNode}`
      : `there is no pnpm ${leastPnpm}`
    say(`${why}: fetching ${want.join(" and ")} from the npm registry, then the dependencies (once, some 20 seconds)`)
    let got = await fetched(want)
    if (node === undefined && !isNewEnough(got.version, leastNode)) {
      // The package "node" lays Node down in an install script. Where those are switched off, its parts do without.
      const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"
      got = await fetched([`${prefix}-${process.platform}-${process.arch}@${leastNode}`, `pnpm@${leastPnpm}`])
      if (!isNewEnough(got.version, leastNode)) {
        giveUp(`no Node ${leastNode} came from the npm registry: install it by hand`)
      }
    }
    node ??= got.node
    pnpm = [node, got.pnpm]
    remember("toolchain.json", JSON.stringify({ node, pnpm: got.pnpm }))
  } else {
    say("installing dependencies")
  }
  if (!isInstalled()) {
    const [file, ...first] = pnpm
    const { ok, all } = await run(file, [...first, "install", "--frozen-lockfile", "--prefer-offline"], withNode(node))
    if (!ok) giveUp(`installing the dependencies failed: ${reason(all)}`)
    rememberInstall()
  }
  return node
}

/** What to say where this folder cannot be written; undefined for every other error. */
export const unwritable = (error) => {
  const file = error.path ?? cache
  if (["ENOSPC", "EDQUOT"].includes(error.code)) return `${file} cannot be written, the disk is full: free some space`
  if (error.code === "EROFS") return `${file} cannot be written, the disk is read-only: clone g-store somewhere else`
  if (!["EACCES", "EPERM"].includes(error.code)) return undefined
  return `${file} cannot be written (${error.code}): something is to be installed here, and it is another user's clone. `
    + "Start g-store as that user, or make a clone of your own"
}

/** As above, one process at a time: two first starts at once would write over each other. */
export const prepare = async () => {
  try {
    mkdirSync(cache, { recursive: true })
    return await locked(path.join(cache, "prepare.lock"), prepareAlone)
  } catch (error) {
    const line = unwritable(error)
    if (line === undefined) throw error
    say(line)
    process.exit(1)
  }
}
