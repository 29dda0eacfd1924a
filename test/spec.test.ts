import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commands, queries } from '../src/app.ts'

/** SPEC.md and the tests hold each other to account. */

const spec = readFileSync('SPEC.md', 'utf8')
const rules = [...spec.matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map((m) => m[1]!)
const sources = (folders: string[], wanted: (path: string) => boolean) =>
  folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((path) => join(folder, path))
      .filter((path) => path.endsWith('.ts') && wanted(path))
      .map((path) => ({ path, text: readFileSync(path, 'utf8') })),
  )
const tests = sources(['src', 'client', 'test', 'demo', 'scripts'], (path) => path.endsWith('.test.ts'))
/** Nouns whose commands only store facts. */
const plainKinds = sources(['src'], (path) => !path.endsWith('.test.ts')).flatMap(({ text }) =>
  [...text.matchAll(/= plain\((\w+)Entity,/g)].map((m) => m[1]!),
)
const isPlain = (name: string) => plainKinds.some((kind) => /^(add|update|remove)-/.test(name) && name.endsWith(kind))
/** The numbers at the head of a test's name: `L1, L3: …`. */
const shown = tests.flatMap(({ path, text }) =>
  [...text.matchAll(/test(?:\.\w+(?:\([^)]*\))?)*\(\s*['"`]((?:[A-Z]\d+(?:, )?)+):/g)].flatMap((m) =>
    m[1]!.split(', ').map((rule) => ({ path, rule })),
  ),
)

test('every rule of SPEC.md is shown by a test that carries its number', () => {
  expect(rules.length).toBeGreaterThan(40)
  expect(new Set(rules).size).toBe(rules.length)
  expect(rules.filter((rule) => !shown.some((each) => each.rule === rule))).toEqual([])
})

test('every number that a test carries is a rule of SPEC.md', () => {
  expect(shown.filter(({ rule }) => !rules.includes(rule))).toEqual([])
})

test('every rule that the code speaks of is a rule of SPEC.md', () => {
  const spoken = sources(['src', 'client'], (path) => !path.endsWith('.test.ts')).flatMap(({ path, text }) =>
    [...text.matchAll(/Spec: ([A-Z]\d+(?:(?:, | to )[A-Z]\d+)*)/g)].flatMap((m) =>
      m[1]!.split(/, | to /).map((rule) => ({ path, rule })),
    ),
  )
  expect(spoken.length).toBeGreaterThan(8)
  expect(spoken.filter(({ rule }) => !rules.includes(rule))).toEqual([])
})

test('every code of a refusal stands in SPEC.md, and every code there is used', () => {
  const used = new Set(
    sources(['src'], (path) => !path.endsWith('.test.ts')).flatMap(({ path, text }) =>
      // Rules give refusals, which become errors elsewhere.
      [...text.matchAll(path.endsWith('rules.ts') ? /code: '([a-z-]+)'/g : /new AppError\(\s*'([a-z-]+)'/g)].map(
        (m) => m[1]!,
      ),
    ),
  )
  // Two are made by a function of their own, and those of plain nouns from their kind.
  used.add('busy')
  for (const kind of plainKinds) for (const code of [`${kind}-not-found`, `too-many-${kind}s`]) used.add(code)
  for (const { text } of sources(['src'], (path) => !path.endsWith('.test.ts')))
    for (const [, kind] of text.matchAll(/= rowsOf\((\w+)Entity,/g)) used.add(`too-many-${kind}s`)
  // The common rules make some of a kind.
  for (const { text } of sources(['src'], (path) => path.endsWith('rules.ts')))
    for (const [, kind] of text.matchAll(/\b(?:notFound|refuseUnseen)\('([a-z]+)'/g)) used.add(`${kind}-not-found`)
  const list = spec.slice(spec.indexOf('## Codes of refusals'))
  const listed = [...list.matchAll(/`([a-z-]+)`/g)].map((m) => m[1]!)
  expect([...used].filter((code) => code !== 'internal' && !listed.includes(code))).toEqual([])
  expect(listed.filter((code) => !used.has(code))).toEqual([])
})

test("names of commands and queries are their files' names, and no two are the same", () => {
  const names = [...commands, ...queries].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const files = sources(['src'], () => true).map(({ path }) => path)
  // A plain noun makes its commands itself, in the file of its name.
  expect(names.filter((name) => !isPlain(name) && !files.some((path) => path.endsWith(`/${name}.ts`)))).toEqual([])
})
