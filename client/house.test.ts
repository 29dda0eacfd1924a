import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const files = readdirSync('client')
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => ({ path, text: readFileSync(`client/${path}`, 'utf8') }))

/** What the client runs of the server: pure rules, and the text that both sides hash. */
const SHARED = /^\.\.\/src\/(?:(?:\w+\/)+rules|changes\/floor\/canonical)\.ts$/

/** Files that know the machine they run on. */
const ADAPTERS = ['node.ts', 'storage-file.ts', 'browser.ts', 'storage-indexeddb.ts']

test('D12: of the server the client has types, pure rules and canonical JSON only, and only its adapters know Node or a browser', () => {
  const imports = files.flatMap(({ path, text }) =>
    [...text.matchAll(/^import (type )?(?:[^']*? from )?'([^']+)'/gm)].map(([, type, from]) => ({ path, type, from })),
  )
  expect(imports.length).toBeGreaterThan(60)
  const found = imports.filter(({ path, type, from }) => {
    if (type !== undefined || from!.startsWith('./') || SHARED.test(from!)) return false
    return !ADAPTERS.includes(path)
  })
  expect(found).toEqual([])
  const machine =
    /\b(?:process|Buffer|window|document|indexedDB|navigator|localStorage|setTimeout|Date\.now|Math\.random)\b/
  const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  expect(files.filter(({ path, text }) => !ADAPTERS.includes(path) && machine.test(code(text)))).toEqual([])
})

test('D12: what the client runs of the server imports nothing at run time but rules', () => {
  const shared = files.flatMap(({ text }) => [...text.matchAll(/^import (?!type)[^']* from '(\.\.\/src\/[^']+)'/gm)])
  const paths = new Set(shared.map(([, from]) => from!.slice(3)))
  expect(paths.size).toBeGreaterThan(2)
  for (const path of paths) {
    const text = readFileSync(path, 'utf8')
    expect([...text.matchAll(/^import (?!type).*from '(?!.*rules\.ts')/gm)]).toEqual([])
  }
})

test('R3: files of the client have at most 300 lines', () => {
  expect(files.filter(({ text }) => text.split('\n').length > 301).map(({ path }) => path)).toEqual([])
})
