import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { folders } from './mutants-table.ts'

test('each file that mutants are made of is there, and so are its tests', () => {
  const paths = Object.values(folders).flatMap((targets) => targets.flatMap(({ file, tests }) => [file, ...tests]))
  expect(paths.filter((path) => !existsSync(path))).toEqual([])
})
