import { spawn } from "node:child_process"
import { accessSync, appendFileSync, constants, existsSync, mkdirSync } from "node:fs"
import { homedir } from "node:os"
import path from "node:path"
import { cache, root } from "./workspace.mjs"

/** What the package managers printed. */
export const log = path.join(cache, "prepare.log")

const can = (file, mode) => {
  try {
    accessSync(file, mode)
    return true
  } catch {
    return false
  }
}

/** Whether a folder can be written to, or be made. */
const isWritable = (folder) => {
  while (!existsSync(folder) && path.dirname(folder) !== folder) folder = path.dirname(folder)
  return can(folder, constants.W_OK)
}

/** What npm, told one thing by its command line, would tell the package managers below it as well. */
const steering = [
  "prefix",
  "local_prefix",
  "global_prefix",
  "global",
  "workspace",
  "workspaces",
  "omit",
  "include",
  "package",
  "call"
]

/**
 * The environment of the package managers. The caller's command line must not steer them, nor NODE_ENV leave the tools
 * out. A home or cache that cannot be written to is replaced by a folder here.
 */
export const environment = () => {
  const env = { ...process.env, CI: "true", npm_config_update_notifier: "false", npm_config_loglevel: "warn" }
  for (const name of steering) delete env[`npm_config_${name}`]
  delete env.NODE_ENV
  const home = homedir()
  if (!isWritable(env.npm_config_cache ?? path.join(home, ".npm"))) env.npm_config_cache = path.join(cache, "npm")
  if (!isWritable(home)) {
    env.HOME = path.join(cache, "home")
    mkdirSync(env.HOME, { recursive: true })
    env.npm_config_userconfig ??= path.join(home, ".npmrc")
    for (const name of ["CACHE", "CONFIG", "DATA", "STATE"]) delete env[`XDG_${name}_HOME`]
    delete env.PNPM_HOME
  }
  // npm breaks off at settings that it may not read, and does without those that are not there.
  if (!can(env.npm_config_userconfig ?? path.join(home, ".npmrc"), constants.R_OK)) delete env.npm_config_userconfig
  return env
}

/** Runs a program to its end; what it prints goes to the log. Signals that reach us end it too. */
export const run = (file, args, env) =>
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
export const reason = (output) => {
  const [, network] = unreachable.exec(output) ?? []
  if (network !== undefined) {
    return `the npm registry cannot be reached (${network}): check the network, or npm's settings for registry and proxy`
  }
  if (output.includes("ERR_PNPM_OUTDATED_LOCKFILE")) {
    return "pnpm-lock.yaml does not fit the package.json files: run `pnpm install` and commit the lockfile"
  }
  const [, program] = /spawn (\S+) ENOENT/.exec(output) ?? []
  if (program !== undefined) return `there is no ${program} on the path: it comes with npm`
  const [, file] = /\b(?:EACCES|EROFS|EPERM|ENOSPC)\b[^]*?npm error path (.*)/.exec(output) ?? []
  if (file !== undefined) return `${file} cannot be written to`
  const [, error] = /(ERR_PNPM_.*|\b(?:EACCES|EROFS|EPERM|ENOSPC)\b.*)/.exec(output) ?? []
  return error ?? "a package manager failed"
}

const unreachable = new RegExp(
  `\\b(${
    [
      "ENOTFOUND",
      "EAI_AGAIN",
      "ECONNREFUSED",
      "ECONNRESET",
      "ETIMEDOUT",
      "ENETUNREACH",
      "EHOSTUNREACH",
      "ERR_SOCKET_TIMEOUT",
      "UND_ERR_\\w+",
      "CERT_\\w+",
      "SELF_SIGNED\\w+",
      "UNABLE_TO_\\w+"
    ].join("|")
  })\\b`
)
