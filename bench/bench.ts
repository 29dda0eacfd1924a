import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { layOut } from './figures.ts'
import { goalText, isMet, type Row } from './report.ts'

/**
 * All benches, one after the other, and one table of all: each row a ratio against its limit in the same run. `npm run bench`
 * takes three quarters of an hour on a quiet machine; `-- --quick` some twelve minutes and says roughly, `-- --short` three
 * and only shows that every bench runs. Names choose some: `npm run bench -- --quick reads history`. `--save` puts the table
 * into docs/performance.md.
 */

const BENCHES = ['reads', 'mixed', 'writes', 'fanout', 'sockets', 'history', 'resume', 'storm', 'monitoring'] as const
type Bench = (typeof BENCHES)[number]
const PAGE = new URL('../docs/performance.md', import.meta.url)

const FLAGS = ['--quick', '--short', '--save']
const flags = process.argv.slice(2).filter((word) => word.startsWith('--'))
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const unknown = [
  ...named.filter((name) => !(BENCHES as readonly string[]).includes(name)),
  ...flags.filter((flag) => !FLAGS.includes(flag)),
]
if (unknown.length > 0)
  throw new Error(`no such bench or flag: ${unknown.join(', ')}. There are ${[...BENCHES, ...FLAGS].join(', ')}`)

interface Said {
  readonly bench: Bench
  readonly rows: Row[]
}

let running: ChildProcess | undefined
/** By whoever ends this process. Ctrl-C in a terminal reaches the benches by itself; they stop their databases and leave. */
let isEnded = false
process.once('SIGTERM', () => {
  isEnded = true
  running?.kill('SIGTERM')
})

/** Runs one bench. Throws when it fails. */
async function run(bench: Bench): Promise<Said> {
  const said: Said = { bench, rows: [] }
  const script = fileURLToPath(new URL(`./${bench}.ts`, import.meta.url))
  const child = fork(script, flags, { execArgv: ['--import', new URL('./as-built.mjs', import.meta.url).href] })
  running = child
  child.on('message', (row: Row) => void said.rows.push(row))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${bench} ended with ${code}`)
  return said
}

// The short form is too short for a verdict.
const verdict = (row: Row): string =>
  flags.includes('--short') ? '' : { true: 'met', false: 'NOT MET', null: '' }[`${isMet(row)}`]

const cellsOf = ({ rows }: Said): string[][] =>
  rows.map((row) => [row.what, row.ours, row.limit, row.ratio.toFixed(2), goalText(row.goal), verdict(row)])

const HEADS = ['what', 'ours', 'limit', 'ratio', 'goal', '']

/** What a bench said, between two comments of docs/performance.md that are its own: so benches may be run at different times. */
async function save(said: Said): Promise<void> {
  const { bench } = said
  const cells = cellsOf(said).map((each) => each.map((cell) => cell.replaceAll('|', '\\|')))
  const table = [
    `| ${bench}, ${new Date().toISOString().slice(0, 10)} | ours | limit | ratio | goal | |`,
    '| --- | --: | --: | --: | --: | --- |',
    ...cells.map((each) => `| ${each.join(' | ')} |`),
  ].join('\n')
  const text = await readFile(PAGE, 'utf8')
  const [from, to] = [`<!-- ${bench} -->`, `<!-- end of ${bench} -->`]
  const [before, , after] = text.split(new RegExp(`${from}|${to}`))
  if (before === undefined || after === undefined) throw new Error(`docs/performance.md has no place for ${bench}`)
  await writeFile(PAGE, `${before}${[from, table, to].join('\n\n')}${after}`)
}

// Some benches start the server as `npm start` does.
execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })

const all: Said[] = []
let failed = 0
for (const bench of BENCHES) {
  if (isEnded) break
  if (named.length > 0 && !named.includes(bench)) continue
  process.stdout.write(`\n== ${bench}\n`)
  try {
    const said = await run(bench)
    all.push(said)
    if (flags.includes('--save')) await save(said)
  } catch (error) {
    failed++
    process.stdout.write(`${String(error)}\n`)
  }
}
process.stdout.write(`\n${layOut([HEADS, ...all.flatMap(cellsOf)])}\n`)
process.exitCode = failed === 0 ? 0 : 1
