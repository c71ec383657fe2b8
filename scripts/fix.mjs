// Mends what a tool can mend: lint, formatting, the generated code.
import { generate } from "./proto.mjs"
import { failed, passed, runSteps, toolStep } from "./steps.mjs"

const codegen = async () => {
  const { code, text } = await generate()
  return code === 0 ? passed() : failed(text)
}

// One after the other: each may write the files that the next one reads.
const failures = await runSteps({
  "proto format": toolStep(["@bufbuild/buf", "buf"], ["format", "--write"]),
  "codegen": codegen,
  "lint": toolStep(["oxlint"], ["--fix"]),
  "format": toolStep(["dprint"], ["fmt"])
}, 1)
process.exitCode = failures === 0 ? 0 : 1
