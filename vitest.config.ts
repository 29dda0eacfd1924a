import { defineConfig } from 'vitest/config'

/** Three kinds of test: `unit` needs nothing, `db` a real PostgreSQL, `e2e` whole processes. */
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,test,scripts,demo,bench}/**/*.test.ts'],
          exclude: ['**/*.{db,e2e}.test.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'db', include: ['{src,test}/**/*.db.test.ts'], globalSetup: 'test/postgres.ts' },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['{src,test}/**/*.e2e.test.ts'],
          globalSetup: 'test/postgres.ts',
          testTimeout: 120_000,
          // Whole processes under load: one at a time, so that none waits for another's.
          fileParallelism: false,
        },
      },
    ],
  },
})
