import { spawn } from "node:child_process"
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync
} from "node:fs"
import { homedir } from "node:os"
import path from "node:path"
import { locked } from "./lock.mjs"
import {
  cache,
  installedNode,
  isInstalled,
  leastNode,
  leastPnpm,
  remember,
  remembered,
  rememberInstall,
  root
} from "./workspace.mjs"

const log = path.join(cache, "prepare.log")
const say = (line) => process.stderr.write(`g-store: ${line}\n`)

/** Ends this process with one line that says what to mend. Everything else that was printed is in the log. */
const giveUp = (line) => {
  say(`${line} (what was printed meanwhile: ${path.relative(process.cwd(), log)})`)
  process.exit(1)
}

/**
 * The environment of the package managers. The caller's command line must not steer them (npm hands its own options on
 * as variables), nor NODE_ENV leave the tools out. A home that cannot be written to is replaced by a folder here.
 */
const environment = () => {
  const env = { ...process.env, npm_config_update_notifier: "false", CI: "true" }
  for (const name of Object.keys(env)) {
    if (
      /^(npm|pnpm)_config_(prefix|local_prefix|global_prefix|global|workspaces?|omit|include|package|call|dry_run)$/i
        .test(name)
    ) {
      delete env[name]
    }
  }
  delete env.NODE_ENV
  try {
    const home = homedir()
    accessSync(existsSync(path.join(home, ".npm")) ? path.join(home, ".npm") : home, constants.W_OK)
    accessSync(home, constants.W_OK)
  } catch {
    env.npm_config_userconfig ??= path.join(homedir(), ".npmrc")
    env.HOME = path.join(cache, "home")
    for (const name of ["XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "PNPM_HOME"]) {
      delete env[name]
    }
    mkdirSync(env.HOME, { recursive: true })
  }
  return env
}

/** Runs a program to its end; what it prints goes to the log. Signals that reach us end it too. */
const run = (file, args, env) =>
  new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] })
    const stop = (signal) => {
      child.kill(signal)
      process.exit(signal === "SIGINT" ? 130 : 143)
    }
    process.once("SIGINT", stop).once("SIGTERM", stop)
    let stdout = ""
    let all = ""
    child.stdout.on("data", (chunk) => {
      stdout += chunk
      all += chunk
    })
    child.stderr.on("data", (chunk) => {
      all += chunk
    })
    child.on("error", (error) => {
      all += `${error.message}\n`
    })
    child.on("close", (code) => {
      process.off("SIGINT", stop).off("SIGTERM", stop)
      appendFileSync(log, `$ ${file} ${args.join(" ")}\n${all}\n`)
      resolve({ ok: code === 0, stdout, all })
    })
  })

/** The part of a package manager's output that a person needs: is the registry out of reach, or what else? */
const reason = (output) => {
  const network =
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|UND_ERR_\w+|CERT_\w+|SELF_SIGNED\w+|UNABLE_TO_\w+)\b/
      .exec(output)
  if (network !== null) {
    return `the npm registry cannot be reached (${
      network[1]
    }): check the network, or the registry and proxy settings of npm`
  }
  if (/ERR_PNPM_OUTDATED_LOCKFILE/.test(output)) {
    return "pnpm-lock.yaml does not fit the package.json files: run `pnpm install` and commit the lockfile"
  }
  const error = /^.*(ERR_PNPM_\w+.*|npm error(?! code| A complete| Log).*|E(?:ACCES|NOSPC|ROFS|PERM)\b.*)$/m.exec(
    output
  )
  return error === null ? "a package manager failed" : error[1].trim()
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
  const { ok, stdout } = await run("pnpm", ["--version"], { ...environment(), COREPACK_ENABLE_DOWNLOAD_PROMPT: "0" })
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
    if (!isNewEnough(got.version, leastNode)) {
      // The package "node" lays Node down in an install script. Where those are switched off, its parts do without.
      const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"
      got = await fetched([`${prefix}-${process.platform}-${process.arch}@${leastNode}`, `pnpm@${leastPnpm}`])
    }
    if (!isNewEnough(got.version, leastNode)) {
      giveUp(
        `no Node ${leastNode} for ${process.platform}-${process.arch} came from the npm registry: install it by hand`
      )
    }
    node ??= got.node
    pnpm = [node, got.pnpm]
    remember("toolchain.json", JSON.stringify({ node, pnpm: got.pnpm }))
  } else {
    say("installing dependencies")
  }
  if (!isInstalled()) {
    const [file, ...first] = pnpm
    // pnpm runs the packages' install scripts with the Node that it finds first on the path.
    const env = { ...environment(), PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` }
    const { ok, all } = await run(file, [...first, "install", "--frozen-lockfile", "--prefer-offline"], env)
    if (!ok) giveUp(`installing the dependencies failed: ${reason(all)}`)
    rememberInstall()
  }
  return node
}

/** As above, one process at a time: two first starts at once would write over each other. */
export const prepare = () => {
  mkdirSync(cache, { recursive: true })
  return locked(path.join(cache, "prepare.lock"), prepareAlone)
}
