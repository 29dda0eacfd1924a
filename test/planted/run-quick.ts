import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createVitest, type CliOptions, type Reporter, type TestModule, type Vitest } from 'vitest/node'
import { edited, type QuickBug, type QuickFound } from './quick.ts'

/**
 * A program: plants the bugs of the JSON on its standard input one after the other, runs the tests that must notice, and writes what each came to, one JSON object
 * a line. One Vitest does all of them: between two bugs only the edited files are read anew, and PostgreSQL is started once.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))
const silent: Reporter = {}

let planted: QuickBug['edits'] = []

const editsOf = (id: string) => planted.filter(({ file }) => id === root + file)

async function open(): Promise<Vitest> {
  const test: CliOptions = {
    root,
    config: false,
    watch: false,
    run: true,
    include: ['{src,client,test}/**/*.test.ts'],
    globalSetup: 'test/postgres.ts',
    reporters: [silent],
    maxWorkers: 1,
    testTimeout: 15_000,
    hookTimeout: 60_000,
    // One failure is enough to know.
    bail: 1,
    silent: true,
  }
  const plugin = {
    name: 'planted',
    enforce: 'pre',
    transform: (text: string, id: string) => {
      const edits = editsOf(id)
      return edits.length === 0 ? null : { code: edited(id, text, edits), map: null }
    },
  } as const
  return createVitest('test', test, { plugins: [plugin], server: { watch: null }, logLevel: 'silent' })
}

/** Every test of the modules that ran, with what it said when it failed. A file that can't be read or set up finds no bug. */
function* outcomes(modules: readonly TestModule[]): Iterable<string | null> {
  for (const each of modules) {
    for (const test of each.children.allTests()) {
      const { state, errors } = test.result()
      if (state === 'passed') yield null
      if (state === 'failed') yield `${test.name}: ${errors[0]?.message ?? ''}`
    }
  }
}

async function look(vitest: Vitest, { name, edits, test, named }: QuickBug): Promise<QuickFound> {
  const began = Date.now()
  planted = edits
  for (const { file } of edits) vitest.invalidateFile(root + file)
  vitest.setGlobalTestNamePattern(new RegExp(`^${named.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))
  vitest.state.filesMap.clear()
  const { testModules } = await vitest.runTestSpecifications(await vitest.globTestSpecifications(test.split(' ')))
  for (const { file } of edits) vitest.invalidateFile(root + file)
  planted = []
  const all = [...outcomes(testModules)]
  const said = all.find((each) => each !== null)?.replace(/\s+/g, ' ') ?? null
  return { name, said, ran: all.length, seconds: (Date.now() - began) / 1000 }
}

async function main(): Promise<void> {
  let input = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) input += chunk as string
  const bugs = JSON.parse(input) as readonly QuickBug[]
  // A list that is out of date is told before anything is started.
  for (const { edits } of bugs)
    for (const file of new Set(edits.map((each) => each.file)))
      edited(
        file,
        await readFile(root + file, 'utf8'),
        edits.filter((each) => each.file === file),
      )
  const vitest = await open()
  await vitest.standalone()
  for (const bug of bugs) process.stdout.write(`planted ${JSON.stringify(await look(vitest, bug))}\n`)
  await vitest.close()
  // A test that fails sets it, and here that is the good end.
  process.exitCode = 0
}

await main()
