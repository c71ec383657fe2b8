import { defineConfig } from "vitest/config"

/** Three kinds of tests, told apart by suffix: what they need and how long they may take. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["packages/*/test/**/*.test.ts"], exclude: ["**/*.int.test.ts", "**/*.e2e.test.ts", "**/node_modules/**"] } },
      { test: { name: "int", include: ["packages/*/test/**/*.int.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { name: "e2e", include: ["packages/*/test/**/*.e2e.test.ts"], testTimeout: 180_000, hookTimeout: 120_000, fileParallelism: false } }
    ]
  }
})
