import { defineConfig } from "vitest/config"

// Two cores: two files at a time. Hook and test bounds are for a loaded machine, not a promise of speed.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // They need a cluster: npm run test:cluster.
    exclude: ["test/cluster/**"],
    globalSetup: ["test/support/postgres-global.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000
  }
})
