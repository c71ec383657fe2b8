// What is published: the client's own files as JavaScript and declarations, and beside them the declarations of the
// contracts that its types are made of. The contracts' JavaScript is not needed: the client takes only types of them.
import { execFileSync } from "node:child_process"
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire, stripTypeScriptTypes } from "node:module"
import { dirname, join } from "node:path"

const root = join(import.meta.dirname, "..")
const dist = join(root, "dist")
const emitted = join(dist, "emitted")
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"))

rmSync(dist, { recursive: true, force: true })
const tsc = [join(typescript, "bin/tsc"), "-p", join(root, "tsconfig.build.json")]
execFileSync(process.execPath, tsc, { stdio: "inherit" })
cpSync(join(emitted, "client/src"), dist, { recursive: true })
cpSync(join(emitted, "contracts/src"), join(dist, "contracts"), {
  recursive: true,
  filter: (source) => !source.endsWith("wire")
})
rmSync(emitted, { recursive: true })
for (const file of readdirSync(join(root, "src"))) {
  const code = stripTypeScriptTypes(readFileSync(join(root, "src", file), "utf8"))
  writeFileSync(join(dist, file.replace(/\.ts$/, ".js")), code)
}

for (const folder of [dist, join(dist, "contracts")]) {
  const contracts = folder === dist ? "./contracts/" : "./"
  for (const file of readdirSync(folder)) {
    if (!/\.(js|ts)$/.test(file)) continue
    const text = readFileSync(join(folder, file), "utf8")
      .replaceAll(/"@g-store\/contracts\/([\w/]+)\.ts"/g, `"${contracts}$1.js"`)
      .replaceAll(/(from |import\()"(\.\.?\/[\w/.]+)\.ts"/g, "$1\"$2.js\"")
    writeFileSync(join(folder, file), text)
  }
}
