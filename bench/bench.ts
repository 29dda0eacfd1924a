import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { layOut } from './figures.ts'
import { svgOf } from './plots.ts'
import { goalText, isMet, type Curve, type Message, type Row } from './report.ts'

/**
 * All benches, one after the other, and one table of all: each row a ratio against its limit in the same run. `npm run bench`, about half an hour on a quiet machine; `-- --quick` takes about eight minutes
 * and says roughly, `-- --short` three and only shows that every bench runs. Names after it choose some: `npm run bench -- --quick reads history`. `--save` puts table and curves into
 * docs/performance.md and docs/plots/.
 */

const BENCHES = ['reads', 'writes', 'fanout', 'sockets', 'history', 'curves', 'resume', 'monitoring'] as const
type Bench = (typeof BENCHES)[number]
const DOCS = new URL('../docs/', import.meta.url)

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
  readonly curves: Curve[]
}

/** Runs one bench. Throws when it fails. */
async function run(bench: Bench): Promise<Said> {
  const said: Said = { bench, rows: [], curves: [] }
  const script = fileURLToPath(new URL(`./${bench}.ts`, import.meta.url))
  const child = fork(
    script,
    flags.filter((flag) => flag !== '--save'),
    { execArgv: ['--import', 'tsx'] },
  )
  child.on('message', (message: Message) => {
    if ('row' in message) said.rows.push(message.row)
    else said.curves.push(message.curve)
  })
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

const slug = (title: string): string => title.toLowerCase().replace(/[^a-z0-9]+/g, '-')

/** Between two comments of docs/performance.md what the benches said. */
async function save(all: readonly Said[]): Promise<void> {
  const table = (said: Said) =>
    [
      `| ${said.bench} | ours | limit | ratio | goal | |`,
      '| --- | --: | --: | --: | --: | --- |',
      ...cellsOf(said).map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
    ].join('\n')
  const curves = all.flatMap((said) => said.curves)
  await mkdir(new URL('plots/', DOCS), { recursive: true })
  for (const curve of curves) await writeFile(new URL(`plots/${slug(curve.title)}.svg`, DOCS), svgOf(curve))
  const images = curves.map(({ title }) => `![${title}](plots/${slug(title)}.svg)`)
  const made = [
    `Measured on ${new Date().toISOString().slice(0, 10)}.`,
    ...all.filter(({ rows }) => rows.length > 0).map(table),
    ...images,
  ]
  const file = new URL('performance.md', DOCS)
  const text = await readFile(file, 'utf8')
  const [before, , after] = text.split(/<!-- results -->|<!-- end of results -->/)
  if (before === undefined || after === undefined) throw new Error('docs/performance.md has no place for results')
  await writeFile(file, `${before}<!-- results -->\n\n${made.join('\n\n')}\n\n<!-- end of results -->${after}`)
}

const all: Said[] = []
let failed = 0
for (const bench of BENCHES) {
  if (named.length > 0 && !named.includes(bench)) continue
  process.stdout.write(`\n== ${bench}\n`)
  try {
    all.push(await run(bench))
  } catch (error) {
    failed++
    process.stdout.write(`${String(error)}\n`)
  }
}
process.stdout.write(`\n${layOut([HEADS, ...all.flatMap(cellsOf)])}\n`)
if (flags.includes('--save') && failed === 0) await save(all)
process.exitCode = failed === 0 ? 0 : 1
