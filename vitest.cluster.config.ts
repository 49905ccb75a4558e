import { defineConfig } from "vitest/config"

// The tests that need a cluster: `KUBECONFIG=… npm run test:cluster`. Its definitions are shared, so one file at a time.
export default defineConfig({
  test: {
    include: ["test/cluster/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000
  }
})
