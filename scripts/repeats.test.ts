import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { longRepeats, quickRepeats } from './repeats.ts'

/** What tests read of the environment that is no number of repeats: where things are, and the seed of what is random. */
const isOther = (name: string): boolean =>
  ['CI', 'DATABASE_URL', 'PATH', 'QTABLE_PYTHON', 'TEST_DATABASE_URL', 'TEST_SLOWNESS'].includes(name) ||
  /(^|_)SEED$/.test(name)

const read = ['src', 'client', 'test'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') || (folder === 'test' && path.endsWith('.ts')))
    .flatMap((path) => [
      ...readFileSync(join(folder, path), 'utf8').matchAll(/\bprocess\.env(?:\.|\[['"`])([A-Z][A-Z0-9_]*)/g),
    ])
    .map(([, name]) => name!),
)
const repeats = new Set(read.filter((name) => !isOther(name)))

test('the long form sets every number of repeats that a test reads, and nothing else', () => {
  expect(repeats.size).toBeGreaterThan(10)
  expect(Object.keys(longRepeats).toSorted()).toEqual([...repeats].toSorted())
})

test('the quick form sets only what a test reads', () => {
  expect(Object.keys(quickRepeats).filter((name) => !repeats.has(name))).toEqual([])
})
