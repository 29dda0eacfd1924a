import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** What can be checked of the documents by reading the tree. */

const architecture = readFileSync('ARCHITECTURE.md', 'utf8')
/** Folders that git does not track. */
const UNTRACKED = ['node_modules', 'dist', 'data']

const foldersOf = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !UNTRACKED.includes(entry.name))
    .map(({ name }) => join(path, name).replaceAll('\\', '/'))

const foldersBelow = (path: string): string[] => foldersOf(path).flatMap((each) => [each, ...foldersBelow(each)])

/** Paths that a text names in backticks, or in a node of the diagram. */
const pathsIn = (text: string): string[] =>
  [...text.matchAll(/[`"]((?:src|client|test|docs)\/[\w./-]*)/g)].map((m) => m[1]!)

test('R5: every path that ARCHITECTURE.md and CONTRIBUTING.md name is in the tree', () => {
  const contributing = pathsIn(readFileSync('CONTRIBUTING.md', 'utf8')).filter((path) => !/NOUN|NNNN/.test(path))
  expect(pathsIn(architecture).length).toBeGreaterThan(60)
  expect(contributing.length).toBeGreaterThan(20)
  expect([...pathsIn(architecture), ...contributing].filter((path) => !existsSync(path))).toEqual([])
})

test('R5: the code map names every folder of src and every folder beside it', () => {
  const folders = [...foldersBelow('src'), ...foldersOf('.')]
  expect(folders.length).toBeGreaterThan(40)
  expect(folders.filter((folder) => !architecture.includes(`\`${folder}/\``))).toEqual([])
})

test('R5: every folder of src opens with a README of ten lines at most', () => {
  const faults = foldersBelow('src').filter((folder) => {
    const file = join(folder, 'README.md')
    if (!existsSync(file)) return true
    const text = readFileSync(file, 'utf8')
    const parts = ['**Purpose:**', '**Must not know:**', '**Start reading:**']
    return text.split('\n').length - 1 > 10 || !parts.every((part) => text.includes(part))
  })
  expect(faults).toEqual([])
})

test('R5: every file that a README of src names is in its folder', () => {
  const faults = foldersBelow('src').flatMap((folder) =>
    [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/`([\w/-]+(?:\.ts|\/))`/g)]
      .map((m) => m[1]!)
      .filter((name) => ![folder, 'src', '.'].some((base) => existsSync(join(base, name))))
      .map((name) => `${folder}: ${name}`),
  )
  expect(faults).toEqual([])
})

test('R5: lines of Markdown have at most 120 characters', () => {
  const pages = ['.', ...foldersBelow('.')].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  )
  expect(pages.length).toBeGreaterThan(60)
  // A word that is longer than a line, such as an address, cannot be broken.
  const isLong = (line: string) => line.length > 120 && !/^\s*([-*] |\d+\. )?\S+$/.test(line)
  const faults = pages.flatMap((page) =>
    readFileSync(page, 'utf8')
      .split('\n')
      .flatMap((line, index) => (isLong(line) ? [`${page}:${index + 1}`] : [])),
  )
  expect(faults).toEqual([])
})
