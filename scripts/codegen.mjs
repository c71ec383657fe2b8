// Writes the TypeScript of the wire format from proto/.
import { generate } from "./proto.mjs"

const { code, text } = await generate()
process.stdout.write(text)
process.exitCode = code
