import { Stryker } from '@stryker-mutator/core'
import { existsSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { openPostgres } from '../test/postgres.ts'
import { folders, type Target } from './mutants-table.ts'

/**
 * Mutation testing: changes the code in small ways, one at a time, and sees whether a test fails.
 * `npm run mutants -- client` runs a folder of mutants-table.ts, `npm run mutants -- client/queue.ts` a file; what did not change since, nor its tests, is not run again; `--again` runs all.
 * `npm run mutants -- client --score` runs nothing and prints what is known: the score, and the survivors that docs/mutation.md does not explain.
 * `npm run mutants -- changes --lines 40` mutates some forty lines of each file, the same ones each time: a sample that takes minutes where all takes hours.
 */

const args = process.argv.slice(2)
const sampled = args.includes('--lines') ? Number(args[args.indexOf('--lines') + 1]) : Infinity
const words = args.filter((arg, n) => !arg.startsWith('--') && args[n - 1] !== '--lines')
const results = '.mutants'
const page = 'docs/mutation.md'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const isWanted = (folder: string, { file }: Target): boolean =>
  words.length === 0 || words.some((word) => word === folder || word === file)
const wanted = Object.entries(folders)
  .map(([folder, targets]) => ({ folder, targets: targets.filter((target) => isWanted(folder, target)) }))
  .filter(({ targets }) => targets.length > 0)

const resultOf = (file: string): string => `${results}/${file.replaceAll('/', '-').replace(/\.ts$/, '')}.json`

async function mutate({ file, tests }: Target): Promise<void> {
  // Of what runs now: the files may change meanwhile.
  const key = await keyOf({ file, tests })
  process.env['MUTANT_TESTS'] = tests.join(' ')
  await new Stryker({
    mutate: await linesOf(file),
    testRunner: 'vitest',
    vitest: { configFile: 'scripts/mutants-vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    concurrency: Number(process.env['MUTANTS_CONCURRENCY'] ?? 1),
    plugins: ['@stryker-mutator/vitest-runner', `${import.meta.dirname}/mutants-ignored.mjs`],
    ignorers: ['prose'],
    // Generous: on a busy machine a slow test would count as a mutant found.
    timeoutMS: 15_000,
    dryRunTimeoutMinutes: 15,
    tempDirName: `${results}/tmp`,
    ignorePatterns: [`/${results}`, '/data', '/dist'],
    // Types are not looked at, and TypeScript 7 has no interface that Stryker knows.
    tsconfigFile: 'none',
    disableTypeChecks: false,
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: resultOf(file) },
    allowConsoleColors: false,
  }).runMutationTest()
  await writeFile(`${resultOf(file)}.key`, key)
}

/** Lines a block of the sample has: a mutant lies in one as a whole, and most statements have fewer. */
const BLOCK = 5

/** A file as Stryker takes it, whole or in blocks of lines that lie evenly. */
async function linesOf(file: string): Promise<string[]> {
  const count = (await readFile(file, 'utf8')).split('\n').length
  if (count <= sampled) return [file]
  const blocks = Math.ceil(sampled / BLOCK)
  const starts = Array.from({ length: blocks }, (_, n) => Math.floor(((n + 0.5) * count) / blocks))
  return starts.map((start) => `${file}:${start}-${start + BLOCK - 1}`)
}

/** What a result is of. Not Stryker's own incremental mode: it takes no notice of new tests where a mutant runs as its module is loaded. */
async function keyOf({ file, tests }: Target): Promise<string> {
  const hash = createHash('sha256').update(`${sampled}`)
  for (const path of [file, ...tests, 'scripts/mutants-ignored.mjs'])
    hash.update(`${path}\n${await readFile(path, 'utf8')}`)
  return hash.digest('hex')
}

const isKnown = async (target: Target): Promise<boolean> =>
  !args.includes('--again') &&
  (await readFile(`${resultOf(target.file)}.key`, 'utf8').catch(() => '')) === (await keyOf(target))

interface Place {
  readonly line: number
  readonly column: number
}
interface Report {
  readonly files: Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>
}
interface Mutant {
  readonly status: 'Killed' | 'Timeout' | 'Survived' | 'NoCoverage' | 'Ignored' | 'RuntimeError' | 'CompileError'
  readonly location: { readonly start: Place; readonly end: Place }
  readonly replacement: string
}
interface Survivor {
  readonly file: string
  readonly line: number
  /** `before → after`, on one line: how docs/mutation.md names it. */
  readonly what: string
}

function textAt(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  lines[lines.length - 1] = lines.at(-1)!.slice(0, end.column - 1)
  lines[0] = lines[0]!.slice(start.column - 1)
  return lines.join('\n')
}

const short = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 60 ? `${line.slice(0, 40)} … ${line.slice(-17)}` : line
}

async function known({ file }: Target): Promise<{ killed: number; survivors: Survivor[] } | null> {
  if (!existsSync(resultOf(file))) return null
  const report = JSON.parse(await readFile(resultOf(file), 'utf8')) as Report
  const { source, mutants } = report.files[file] ?? { source: '', mutants: [] }
  return {
    killed: mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout').length,
    survivors: mutants
      .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
      .map(({ location, replacement }) => ({
        file,
        line: location.start.line,
        what: `\`${short(textAt(source, location))}\` → \`${short(replacement)}\``,
      })),
  }
}

const percent = (killed: number, all: number): string => (all === 0 ? '–' : `${((100 * killed) / all).toFixed(1)} %`)

/** The table of docs/mutation.md, and the survivors that the page does not explain. */
async function score(): Promise<void> {
  const text = existsSync(page) ? await readFile(page, 'utf8') : ''
  const unexplained: Survivor[] = []
  say('| folder | file | mutants | killed | score |\n| --- | --- | --- | --- | --- |')
  for (const { folder, targets } of wanted) {
    let [all, killed] = [0, 0]
    for (const target of targets) {
      const found = await known(target)
      if (!found) say(`| | ${target.file} | not run | | |`)
      if (!found) continue
      const count = found.killed + found.survivors.length
      all += count
      killed += found.killed
      say(`| | ${target.file} | ${count} | ${found.killed} | ${percent(found.killed, count)} |`)
      unexplained.push(...found.survivors.filter(({ file, what }) => !text.includes(`${file}: ${what}`)))
    }
    say(`| **${folder}** | | **${all}** | **${killed}** | **${percent(killed, all)}** |`)
  }
  say(`\nSurvivors that ${page} does not explain: ${unexplained.length}`)
  for (const { file, line, what } of unexplained) say(`- ${file}: ${what} (line ${line})`)
}

if (wanted.length === 0) {
  say(`Nothing by that name. Folders: ${Object.keys(folders).join(', ')}; or a file of one.`)
  process.exitCode = 1
} else {
  if (!args.includes('--score')) await runAll()
  await score()
}

async function runAll(): Promise<void> {
  const targets = wanted.flatMap((each) => each.targets)
  // One for all: each of Stryker's worker processes would start its own, and leave it when a mutant makes it hang.
  const postgres = targets.some(({ tests }) => tests.some((test) => test.endsWith('.db.test.ts')))
    ? await openPostgres()
    : null
  if (postgres) process.env['TEST_DATABASE_URL'] = postgres.url
  try {
    for (const [i, target] of targets.entries()) {
      const is = await isKnown(target)
      say(`${i + 1} of ${targets.length}: ${target.file}${is ? ', as before' : ''}`)
      if (!is) await mutate(target)
    }
  } finally {
    await postgres?.close()
  }
}
