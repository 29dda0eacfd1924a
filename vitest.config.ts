import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { measureSlowness } from './test/slowness.ts'

// Before patience.ts is read, here and by the tests. Vitest reads this file again for each project: once is enough.
if (process.env['TEST_SLOWNESS'] === undefined) {
  process.env['TEST_SLOWNESS'] = `${await measureSlowness()}`
  console.log(`limits of time times ${process.env['TEST_SLOWNESS']}`)
}
const { upTo } = await import('./test/patience.ts')

/** Whole processes that need no machine of their own: they wait most of their time, and run beside other files. */
const BESIDE = [
  'src/**/*.e2e.test.ts',
  'test/planted/*.e2e.test.ts',
  'test/ops/faults.e2e.test.ts',
  'test/process/{fleet,kill,kill-matrix,oracle,orphans,postgres-process,proxy,redis,repeats,rolling,start,stop,stream}.e2e.test.ts',
]

/** What takes longest begins first. */
const LONGEST = [/faults/, /planted\/planted/, /\.e2e\./]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((each) => each.test(moduleId))
      return place === -1 ? LONGEST.length : place
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}

/**
 * Five kinds of test: `unit` needs nothing, `db` a real PostgreSQL, `doors` is every route tried in every wrong way, `beside` and `e2e` whole processes.
 */
export default defineConfig({
  test: {
    testTimeout: upTo(30_000),
    hookTimeout: upTo(60_000),
    expect: { poll: { timeout: upTo(5_000) } },
    // As many as the smallest machine has cores: most of a test's time is waiting for the database.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // A failure names the values, not how many there were: on another machine its message may be all that is left of it.
    chaiConfig: { truncateThreshold: 400 },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,client,test,scripts,demo,bench}/**/*.test.ts'],
          exclude: ['**/*.{db,e2e}.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'db',
          include: ['{src,client,test}/**/*.db.test.ts'],
          exclude: ['test/doors/**'],
          globalSetup: 'test/postgres.ts',
        },
      },
      {
        extends: true,
        test: { name: 'doors', include: ['test/doors/*.db.test.ts'], globalSetup: 'test/postgres.ts' },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['{src,client,test}/**/*.e2e.test.ts'],
          exclude: BESIDE,
          globalSetup: 'test/postgres.ts',
          testTimeout: upTo(120_000),
          // Whole processes under load: one at a time, so that none waits for another's.
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: { name: 'beside', include: BESIDE, globalSetup: 'test/postgres.ts', testTimeout: upTo(120_000) },
      },
    ],
  },
})
