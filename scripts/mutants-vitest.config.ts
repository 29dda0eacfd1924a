import { defineConfig } from 'vitest/config'

/** The tests that `npm run mutants` runs for one file: those of MUTANT_TESTS. A mutant that no single test owns would otherwise run them all. */
const tests = (process.env['MUTANT_TESTS'] ?? '').split(' ')

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A second is too short on a busy machine, and each mutant that is found by waiting takes it whole.
    expect: { poll: { timeout: 2_500 } },
    include: tests,
    ...(tests.some((path) => path.endsWith('.db.test.ts')) && { globalSetup: 'test/postgres.ts' }),
  },
})
