import * as fs from "node:fs/promises"
import * as path from "node:path"
import { errorCode } from "./EmbeddedPostgresError.ts"

const isThere = (folder: string): Promise<boolean> =>
  fs.stat(folder).then(() => true, (cause) => errorCode(cause) === "ENOENT" ? false : Promise.reject(cause))

/**
 * Makes a folder and those that it lies in, for their owner alone; fails where one of them is a file.
 *
 * Step by step, because Node's `recursive` never ends where a folder is there and takes no new ones: /proc says
 * ENOENT then, which Node takes for a missing parent.
 */
export const makeFolder = async (folder: string): Promise<void> => {
  const missing: Array<string> = []
  for (let at = path.resolve(folder); !(await isThere(at)); at = path.dirname(at)) missing.unshift(at)
  for (const one of missing) {
    await fs.mkdir(one, { mode: 0o700 }).catch((cause) =>
      errorCode(cause) === "EEXIST" ? undefined : Promise.reject(cause)
    )
  }
  if (!(await fs.stat(folder)).isDirectory()) throw new Error(`${folder} is a file`)
}
