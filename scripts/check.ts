import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { familyOf, isAlive, signal } from '../test/process/processes.ts'
import { openPostgres } from '../test/postgres.ts'
import { installTestTools } from './install-test-tools.ts'
import { longRepeats, quickRepeats } from './repeats.ts'
import type { Counts } from './reporter.ts'

/**
 * Everything that must hold before a commit: format, lint, types, tests. `npm run check` (--quick) leaves out the doors and the tests of whole processes and repeats
 * the proofs less often, `npm run prove` (--long) repeats them as often as a release asks for. The last line is `N passed, N failed`: tests, and one for each
 * other step.
 */

const repository = fileURLToPath(new URL('../', import.meta.url))
const quick = process.argv.includes('--quick')
/** What is set from outside counts. */
const repeats = quick ? quickRepeats : process.argv.includes('--long') ? longRepeats : {}
const running = new Set<ChildProcess>()
const cleanups: (() => Promise<unknown>)[] = []
let leaving = false

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** The scripts of package.json that are steps. Each is one program and its arguments. */
type Scripts = Readonly<Record<'bench' | 'format:check' | 'lint' | 'types' | 'types:web', string>>

/** Runs a program with this Node, in the repository. Gives its exit code (null: ended by a signal) and what it wrote, unless that is shown at once. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv, shown: boolean) {
  const child = spawn(process.execPath, args, {
    cwd: repository,
    env: { ...process.env, ...env },
    stdio: ['ignore', shown ? 'inherit' : 'pipe', shown ? 'inherit' : 'pipe'],
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output += error.message
      resolve(null)
    })
    child.once('close', resolve)
  })
  running.delete(child)
  return { code, output }
}

/** A step that passes or fails as a whole: one line, and its output when it failed or is to be shown. */
async function step(name: string, command: string, isShown = false): Promise<Counts> {
  const began = Date.now()
  const [bin = '', ...args] = command.split(' ')
  const { code, output } = await run([join('node_modules/.bin', bin), ...args], {}, false)
  const ok = code === 0
  say(`${name.padEnd(8)} ${ok ? 'ok' : 'FAILED'}  ${seconds(began)}`)
  if (!ok || isShown) say(output.trimEnd())
  const failures = ok ? [] : [{ name, reason: `${command}, its output is above` }]
  return { passed: ok ? 1 : 0, failures, skipped: [] }
}

/** The tests, by this Node; another one can be the first word of `run`. */
async function tests(projects: readonly string[], postgresUrl: string): Promise<Counts> {
  const began = Date.now()
  const folder = await mkdtemp(join(tmpdir(), 'qtable-check-'))
  cleanups.push(() => rm(folder, { recursive: true, force: true }))
  const counted = join(folder, 'counts.json')
  const args = ['run', '--silent=passed-only', '--reporter=default', '--reporter=./scripts/reporter.ts']
  const { code } = await run(
    ['node_modules/vitest/vitest.mjs', ...args, ...projects.map((name) => `--project=${name}`)],
    { ...repeats, ...process.env, QTABLE_COUNTS: counted, TEST_DATABASE_URL: postgresUrl },
    true,
  )
  const text = await readFile(counted, 'utf8').catch(() => '{"passed":0,"failures":[],"skipped":[]}')
  const counts = JSON.parse(text) as Counts
  const { passed, skipped } = counts
  // Without counts it crashed; with good ones and a bad exit something else was wrong.
  const failures =
    counts.failures.length > 0 || (code === 0 && passed > 0)
      ? counts.failures
      : [{ name: 'tests', reason: passed > 0 ? `exit ${code}, though none failed` : 'none ran' }]
  say(`${'tests'.padEnd(8)} ${failures.length === 0 ? 'ok' : 'FAILED'}  ${seconds(began)}`)
  return { passed, failures, skipped }
}

const seconds = (began: number): string => `${((Date.now() - began) / 1000).toFixed(1)} s`

async function main(): Promise<void> {
  const { scripts } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as { scripts: Scripts }
  await installTestTools({ say })
  const results = await Promise.all([
    step('format', scripts['format:check']),
    step('lint', scripts.lint),
    step('types', scripts.types),
    step('web', scripts['types:web']),
  ])
  const postgres = await openPostgres()
  cleanups.push(() => postgres.close())
  results.push(await tests(quick ? ['unit', 'db'] : ['unit', 'db', 'doors', 'beside', 'e2e'], postgres.url))
  if (leaving) return
  await cleanUp()
  // This Node is the oldest that restaurants have; the newest must do as well.
  if (!quick)
    for (const version of [22, 24]) results.push(await step(`node ${version}`, `tsx scripts/on-node.ts ${version}`))
  // That they run, and roughly what they say: beside tests and on a shared machine ratios are no verdict.
  if (!quick) results.push(await step('bench', `${scripts.bench} --short`, true))

  const passed = results.reduce((sum, each) => sum + each.passed, 0)
  const failures = results.flatMap((each) => each.failures)
  const skipped = results.flatMap((each) => each.skipped)
  // Once more at the end: the log of a run is long, and often cut at its head.
  for (const { name, reason } of failures) say(`FAILED   ${name}: ${reason}`)
  for (const { name, reason } of skipped) say(`skipped  ${name}${reason && `: ${reason}`}`)
  say(`${passed} passed, ${failures.length} failed`)
  process.exitCode = failures.length > 0 ? 1 : 0
}

async function cleanUp(): Promise<void> {
  for (const work of cleanups.splice(0).toReversed())
    await work().catch((error: Error) => say(`While cleaning up: ${error.message}`))
}

/** Ends everything that was started, with what that started, and stops the database. */
async function leave(code: number): Promise<void> {
  // All of them are looked for before the first ends: later nobody could tell whose they were.
  const families = await Promise.all([...running].map(async ({ pid }) => (pid === undefined ? [] : familyOf(pid))))
  const pids = families.flat().map(({ pid }) => pid)
  for (const pid of pids) signal(pid, 'SIGTERM')
  for (let wait = 0; wait < 50 && (await some(pids)); wait++) await sleep(100)
  for (const pid of pids) signal(pid, 'SIGKILL')
  await cleanUp()
  process.exit(code)
}

const some = async (pids: readonly number[]): Promise<boolean> => (await Promise.all(pids.map(isAlive))).includes(true)

for (const [name, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const)
  process.on(name, () => {
    if (leaving) return
    leaving = true
    void leave(128 + number)
  })

try {
  await main()
} catch (error) {
  await cleanUp()
  say(String(error instanceof Error ? error.stack : error))
  say('0 passed, 1 failed')
  process.exitCode = 1
}
