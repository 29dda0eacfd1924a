import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * All benches, one after the other, each against its limit in the same run: `npm run bench`, about half an hour on a quiet machine; `-- --quick` takes about six minutes and says
 * roughly. Names after it choose some: `npm run bench -- --quick reads history`.
 */

const BENCHES = ['reads', 'writes', 'fanout', 'sockets', 'history', 'resume', 'monitoring'] as const
/** Those that have no quick form: they are short. */
const SHORT: readonly string[] = ['resume', 'sockets']

const quick = process.argv.includes('--quick')
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const unknown = named.filter((name) => !(BENCHES as readonly string[]).includes(name))
if (unknown.length > 0) throw new Error(`no such bench: ${unknown.join(', ')}. There are ${BENCHES.join(', ')}`)

let failed = 0
for (const name of BENCHES) {
  if (named.length > 0 && !named.includes(name)) continue
  process.stdout.write(`\n== ${name}\n`)
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const args = ['--import', 'tsx', script, ...(quick && !SHORT.includes(name) ? ['--quick'] : [])]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) failed++
}
process.exitCode = failed === 0 ? 0 : 1
