import { readdirSync, readFileSync } from 'node:fs'
import { parse, type Node } from 'acorn'
import { transformSync } from 'esbuild'
import { check } from 'recheck'
import { expect, test } from 'vitest'

/**
 * Every regular expression of the server, the client and the page takes time that grows with the text and not with its square: each may meet a stranger's text, if not
 * today then after the next change. An analyser finds those that don't, and writes the text that shows it.
 */

interface Found {
  readonly file: string
  readonly source: string
  readonly flags: string
}

/** Expressions that are put together at run time, which an analyser of files can't read. Each is one class of characters without repetition. */
const PUT_TOGETHER = ['src/ios/pydantic/email.ts']

const files = ['src', 'client', 'web'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`),
)

/** Every node of a program. */
function* nodesOf(value: unknown): Iterable<Node & Record<string, unknown>> {
  if (Array.isArray(value)) for (const each of value) yield* nodesOf(each)
  if (typeof value !== 'object' || value === null || !('type' in value)) return
  yield value as Node & Record<string, unknown>
  for (const each of Object.values(value)) if (typeof each === 'object') yield* nodesOf(each)
}

function expressionsOf(file: string): { literals: Found[]; isPutTogether: boolean } {
  const { code } = transformSync(readFileSync(file, 'utf8'), { loader: 'ts', target: 'esnext' })
  const literals: Found[] = []
  let isPutTogether = false
  for (const node of nodesOf(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }))) {
    const { regex, callee } = node as { regex?: { pattern: string; flags: string }; callee?: { name?: string } }
    if (regex) literals.push({ file, source: regex.pattern, flags: regex.flags })
    if (callee?.name === 'RegExp') isPutTogether = true
  }
  return { literals, isPutTogether }
}

/** The expressions of the checked-in document, which clients run over what people enter. */
function* patternsOf(document: unknown): Iterable<string> {
  if (typeof document !== 'object' || document === null) return
  for (const [key, value] of Object.entries(document))
    if (key === 'pattern' && typeof value === 'string') yield value
    else yield* patternsOf(value)
}

const whyNot = async ({ file, source, flags }: Found): Promise<string | null> => {
  const found = await check(source, flags, { timeout: 60_000 })
  if (found.status === 'safe') return null
  if (found.status === 'unknown') return `${file}: /${source}/${flags} could not be judged (${found.error.kind})`
  return `${file}: /${source}/${flags} is ${found.complexity.summary}: ${found.attack.pattern}`
}

const judged = async (all: readonly Found[]): Promise<string[]> => {
  const once = new Map(all.map((each) => [`${each.source}/${each.flags}`, each]))
  const reasons: (string | null)[] = []
  for (const each of once.values()) reasons.push(await whyNot(each))
  return reasons.filter((reason) => reason !== null)
}

const expressions = files.map((file) => ({ file, ...expressionsOf(file) }))

test('P22: the time of every regular expression grows with the text, not with its square', async () => {
  const all = expressions.flatMap(({ literals }) => literals)
  expect(all.length).toBeGreaterThan(80)
  expect(await judged(all)).toEqual([])
}, 300_000)

test('P22: expressions are written out, so that they can be judged', () => {
  expect(expressions.filter(({ isPutTogether }) => isPutTogether).map(({ file }) => file)).toEqual(PUT_TOGETHER)
})

test('P22: so are those that the documents give to clients', async () => {
  const document: unknown = JSON.parse(readFileSync('docs/openapi.json', 'utf8'))
  const all = [...patternsOf(document)].map((source) => ({ file: 'docs/openapi.json', source, flags: 'u' }))
  expect(all.length).toBeGreaterThan(5)
  expect(await judged(all)).toEqual([])
}, 300_000)

test('P22: the analyser finds what it is there for', async () => {
  const bad = [String.raw`\/+$`, String.raw`^\s+|\s+$`, String.raw`\S+@\S+`, '^(a+)+$']
  expect(await judged(bad.map((source) => ({ file: 'here', source, flags: '' })))).toHaveLength(bad.length)
})
