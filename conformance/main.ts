import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startable } from './client-process.ts'
import { allSituations, play } from './play.ts'

/** `npm run conformance`: see README.md. */

const USAGE = `npm run conformance -- [--port 8901] [--rate 1] [--only text] [command of the client …]

  --port   where the kit listens, on 127.0.0.1; 0 for any free port
  --rate   how many times faster the client's clock runs than in life (QTABLE_RATE)
  --patience  how many times longer anything may take than on an idle machine
  --only   situations whose name contains this text`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string' },
    rate: { type: 'string' },
    only: { type: 'string' },
    patience: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const [port, rate] = [Number(values.port ?? 8901), Number(values.rate ?? 1)]
if (values.help === true || !Number.isInteger(port) || !(rate >= 1)) {
  process.stdout.write(`${USAGE}\n`)
  process.exit(values.help === true ? 0 : 2)
}

const folder = await mkdtemp(join(tmpdir(), 'qtable-conformance-'))
const client = positionals.length > 0 ? startable(positionals, folder, rate) : null
process.on('exit', () => client?.end())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

process.exitCode = await play({
  port,
  rate,
  situations: allSituations.filter(({ name }) => name.includes(values.only ?? '')),
  client,
  patience: Number(values.patience ?? 1),
  say: (line) => void process.stdout.write(`${line}\n`),
})
await client?.kill()
await rm(folder, { recursive: true, force: true })
