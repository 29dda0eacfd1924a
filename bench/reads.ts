import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { layOut, median } from './figures.ts'
import { openPostgres } from './floor.ts'
import { by, effort } from './effort.ts'
import type { Served } from './raw-http.ts'
import { ended, furnish, HOUSES, SECRET, startOurs, type Server } from './read-floor.ts'
import { atLeast, row } from './report.ts'

/**
 * Reads of the iPad's contract over 32 connections: the server as `npm start` runs it, its log included, against node:http that checks the same token and serves the same
 * bytes. Sides take turns, when each has served for some seconds: a process is half as fast in its first ones. About nine minutes; `--quick` two, `--short` half a one.
 */

const CONNECTIONS = 32
/** Requests a second of one worker of the server that QTable replaces, on two cores with 32 connections. */
const BEFORE: Readonly<Record<string, number>> = {
  'dashboard S': 32,
  'dashboard L': 7.9,
  'guests S': 50,
  'guests L': 7.8,
  'tables S': 147,
  'full sync S': 44,
  'full sync L': 10.6,
}

/** How many times as fast at least. */
const BEATEN: Readonly<Record<string, number>> = { dashboard: 200, guests: 200, 'full sync': 200, tables: 100 }

const run = promisify(execFile)
const perSecond = (rate: number): string => `${rate.toLocaleString('en', { maximumFractionDigits: 0 })}/s`
const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function startRaw(served: Served): Promise<Server> {
  const child = fork(new URL('./raw-http.ts', import.meta.url), { execArgv: process.execArgv })
  child.send(served)
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    base: `http://127.0.0.1:${port}`,
    pid: child.pid!,
    async close() {
      child.disconnect()
      await ended(child)
    },
  }
}

/** Processor time of a process since its start, in microseconds. Linux counts it in hundredths of a second. */
async function processorMicros(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** What a run of wrk saw: requests a second, the 99th percentile in milliseconds, and processor time of the server for each request in microseconds. */
interface Run {
  readonly rate: number
  readonly p99: number
  readonly micros: number
}

/** What is asked for in a run. */
interface Asked {
  readonly path: string
  readonly token: string
  /** What the client has, or null. */
  readonly etag: string | null
  /** Whether each request has a connection of its own. */
  readonly closes?: boolean
}

/** Throws when an answer is neither 200 nor 304. */
async function wrk({ base, pid }: Server, { path, token, etag, closes }: Asked, seconds: number): Promise<Run> {
  const headers = ['-H', `authorization: Bearer ${token}`, ...(etag === null ? [] : ['-H', `if-none-match: ${etag}`])]
  if (closes) headers.push('-H', 'connection: close')
  const shape = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency']
  const before = await processorMicros(pid)
  const { stdout } = await run('wrk', [...shape, ...headers, base + path])
  const spent = (await processorMicros(pid)) - before
  if (/Non-2xx or 3xx responses|Socket errors/.test(stdout)) throw new Error(`${path}: ${stdout}`)
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout)!
  const [, count] = /(\d+) requests in/.exec(stdout)!
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout)!
  const millis = Number(p99) * { us: 0.001, ms: 1, s: 1_000 }[unit as 'us' | 'ms' | 's']
  return { rate: Number(rate), p99: millis, micros: spent / Number(count) }
}

/** One row: both sides in turn, in reverse order every other round. */
async function compare(ours: Server, name: string, asked: Asked): Promise<string[]> {
  const { warmUp, seconds, rounds } = by({
    full: { warmUp: 5, seconds: 2, rounds: 7 },
    quick: { warmUp: 2, seconds: 1, rounds: 2 },
    short: { warmUp: 1, seconds: 1, rounds: 1 },
  })
  const { path, token } = asked
  const answer = await fetch(ours.base + path, {
    headers: { authorization: `Bearer ${token}`, 'accept-encoding': 'identity' },
  })
  const body = Buffer.from(await answer.arrayBuffer())
  const etag = answer.headers.get('etag')!
  const raw = await startRaw({ secret: SECRET, answers: { [path]: { body: body.toString('base64'), etag } } })
  const sent = asked.etag === null ? asked : { ...asked, etag }
  const [own, limit]: [Run[], Run[]] = [[], []]
  await wrk(ours, sent, warmUp)
  await wrk(raw, sent, warmUp)
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0
    if (first) own.push(await wrk(ours, sent, seconds))
    limit.push(await wrk(raw, sent, seconds))
    if (!first) own.push(await wrk(ours, sent, seconds))
  }
  await raw.close()
  const middle = (runs: readonly Run[], figure: keyof Run) => median(runs.map((one) => one[figure]))
  const ratio = (figure: (one: Run, other: Run) => number) =>
    median(own.map((one, round) => figure(one, limit[round]!)))
  const before = asked.closes ? undefined : BEFORE[name]
  const what = `${name}${sent.etag === null ? '' : ', 304'}${asked.closes ? ', one of several, connection: close' : ''}`
  const [ourRate, itsRate] = [middle(own, 'rate'), middle(limit, 'rate')]
  const rate = ratio((one, other) => one.rate / other.rate)
  row(`${what}, node:http`, perSecond(ourRate), perSecond(itsRate), rate, atLeast(sent.etag === null ? 0.7 : 0.8))
  if (before !== undefined && sent.etag === null)
    row(
      `${what}, the server before`,
      perSecond(ourRate),
      perSecond(before),
      ourRate / before,
      atLeast(BEATEN[name.slice(0, -2)]!),
    )
  return [
    what,
    sent.etag === null ? (body.length / 1000).toFixed(0) : '0',
    ourRate.toFixed(0),
    itsRate.toFixed(0),
    rate.toFixed(2),
    middle(own, 'micros').toFixed(0),
    middle(limit, 'micros').toFixed(0),
    ratio((one, other) => other.micros / one.micros).toFixed(2),
    middle(own, 'p99').toFixed(1),
    middle(limit, 'p99').toFixed(1),
    before === undefined || sent.etag !== null ? '' : (ourRate / before).toFixed(0),
  ]
}

/** A process that is not alone on its database asks it for each read where the log ends. */
async function compareOneOfSeveral(rows: string[][]): Promise<void> {
  const postgres = await openPostgres(true)
  const ours = await startOurs(postgres.url)
  try {
    const { token, reads } = await furnish(ours.base, HOUSES[0])
    for (const [name, path] of Object.entries(reads)) {
      if (name.startsWith('full sync') || (effort === 'short' && !name.startsWith('tables'))) continue
      rows.push(await compare(ours, name, { path, token, etag: null, closes: true }))
    }
  } finally {
    await ours.close()
    await postgres.close()
  }
}

async function main(): Promise<void> {
  const found = await run('wrk', ['-v']).catch((error: { code?: unknown; stdout?: string }) => error)
  if ('code' in found && found.code === 'ENOENT') {
    return say('reads against node:http: not run, there is no wrk on the PATH. Install it: apt-get install wrk')
  }
  const ours = await startOurs()
  const heads = [
    'what',
    'kB',
    'ours/s',
    'limit/s',
    'ratio',
    'µs',
    'limit µs',
    'by µs',
    'p99 ms',
    "limit's",
    'times before',
  ]
  const rows = [heads]
  try {
    for (const house of effort === 'short' ? HOUSES.slice(0, 1) : HOUSES) {
      const { token, reads } = await furnish(ours.base, house)
      for (const [name, path] of Object.entries(reads).slice(0, effort === 'short' ? 2 : undefined))
        for (const etag of [null, 'its own']) {
          // How long guests have waited is in a full sync, and with it the tag changes.
          if (etag !== null && name.startsWith('full sync')) continue
          rows.push(await compare(ours, name, { path, token, etag }))
        }
    }
  } finally {
    await ours.close()
  }
  await compareOneOfSeveral(rows)
  say(
    `Reads, ${CONNECTIONS} connections, one process; the limit checks the token's HMAC for each request\n\n${layOut(rows)}`,
  )
}

await main()
