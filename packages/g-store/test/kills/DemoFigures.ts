/** The lines of the demo's output that are its result. */
export const demoFigures = (output: string): ReadonlyArray<string> =>
  output.split("\n").filter((line) => /^(orders|rate|POST|calls|failed)/.test(line))
