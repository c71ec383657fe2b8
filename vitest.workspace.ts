import { defineConfig } from "vitest/config"

declare module "vitest" {
  interface TaskMeta {
    /** Why a group of tests does not run on this machine; scripts/SkipReporter.mjs says how to use it. */
    skipped?: string | undefined
  }
}

/** One PostgreSQL server for the whole run, started only when tests that need it run (or TEST_DATABASE_URL names one). */
const globalSetup = ["packages/postgres/src/vitest.ts", "packages/local-kafka/src/vitest.ts"]

/**
 * Three kinds of tests, told apart by suffix: what they need and how long they may take. The limits end what hangs; they
 * are wide, for a busy machine must not fail a test.
 */
export default defineConfig({
  test: {
    reporters: ["default", "./scripts/SkipReporter.mjs"],
    allowOnly: false,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts"],
          exclude: ["**/*.int.test.ts", "**/*.e2e.test.ts", "**/node_modules/**"],
          testTimeout: 30_000,
          hookTimeout: 30_000
        }
      },
      {
        extends: true,
        test: {
          name: "scripts",
          include: ["scripts/test/**/*.test.mjs"],
          testTimeout: 60_000
        }
      },
      {
        extends: true,
        test: {
          name: "int",
          globalSetup,
          include: ["packages/*/test/**/*.int.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      },
      {
        extends: true,
        test: {
          name: "e2e",
          globalSetup,
          include: ["packages/*/test/**/*.e2e.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          // A whole store each, some of them under load: after the others, and one at a time.
          maxWorkers: 1,
          sequence: { groupOrder: 1 }
        }
      }
    ]
  }
})
