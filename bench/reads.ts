import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { median } from './figures.ts'
import { openPostgres } from './floor.ts'
import { SECRET } from './pairs.ts'
import { Process } from './process.ts'
import type { Served } from './raw-http.ts'
import { furnish, HOUSES, startServer } from './served.ts'
import { atLeast, by, row, say } from './report.ts'

/**
 * Reads of the iPad's contract over 32 connections: the server as `npm start` runs it, its log included, against node:http
 * that checks the same token and serves the same bytes. Sides take turns, when each has served for some seconds: a process
 * is half as fast in its first ones. About nine minutes; `--quick` two, `--short` half a one.
 */

const CONNECTIONS = 32
const { warmUp, seconds, rounds, houses, reads } = by({
  full: { warmUp: 5, seconds: 2, rounds: 7, houses: 2, reads: 4 },
  quick: { warmUp: 2, seconds: 1, rounds: 2, houses: 2, reads: 4 },
  short: { warmUp: 1, seconds: 1, rounds: 1, houses: 1, reads: 2 },
})

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
const beatenOf = (name: string): number => (name.startsWith('tables') ? 100 : 200)

const run = promisify(execFile)
const perSecond = (rate: number): string => `${rate.toLocaleString('en', { maximumFractionDigits: 0 })}/s`

/** What is asked for in a run. */
interface Asked {
  readonly path: string
  readonly token: string
  /** Whether the client has it already. */
  readonly isKnown: boolean
  /** Whether each request has a connection of its own. */
  readonly closes: boolean
}

/** Requests a second. Throws when an answer is neither 200 nor 304. */
async function wrk(base: string, { path, token, closes }: Asked, etag: string | null, forSeconds: number) {
  const headers = ['-H', `authorization: Bearer ${token}`]
  if (etag !== null) headers.push('-H', `if-none-match: ${etag}`)
  if (closes) headers.push('-H', 'connection: close')
  const { stdout } = await run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${forSeconds}s`, ...headers, base + path])
  if (/Non-2xx or 3xx responses|Socket errors/.test(stdout)) throw new Error(`${path}: ${stdout}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)![1])
}

/** Both sides in turn, in reverse order every other round. */
async function compare(base: string, name: string, asked: Asked): Promise<void> {
  const { path, token, isKnown, closes } = asked
  const answer = await fetch(base + path, {
    headers: { authorization: `Bearer ${token}`, 'accept-encoding': 'identity' },
  })
  const body = Buffer.from(await answer.arrayBuffer()).toString('base64')
  const etag = answer.headers.get('etag')!
  const raw = Process.start('raw-http')
  const port = await raw.ask<number>({ secret: SECRET, path, body, etag } satisfies Served)
  const sides = [base, `http://127.0.0.1:${port}`]
  const rates: [number[], number[]] = [[], []]
  const measure = (side: 0 | 1, forSeconds: number) => wrk(sides[side]!, asked, isKnown ? etag : null, forSeconds)
  for (const side of [0, 1] as const) await measure(side, warmUp)
  for (let round = 0; round < rounds; round++)
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      rates[side].push(await measure(side, seconds))
  await raw.end()
  const [own, limit] = rates
  const what = `${name}${isKnown ? ', 304' : ''}${closes ? ', one of several, connection: close' : ''}`
  const ratio = median(own.map((rate, n) => rate / limit[n]!))
  row(`${what}, node:http`, perSecond(median(own)), perSecond(median(limit)), ratio, atLeast(isKnown ? 0.8 : 0.7))
  const before = BEFORE[name]
  if (before === undefined || isKnown || closes) return
  const times = median(own) / before
  row(`${what}, the server before`, perSecond(median(own)), perSecond(before), times, atLeast(beatenOf(name)))
}

/** All reads of some houses of one server. */
async function compareAll(of: readonly (typeof HOUSES)[number][], closes: boolean, databaseUrl?: string) {
  const server = await startServer(databaseUrl)
  try {
    for (const house of of) {
      const { token, reads: paths } = await furnish(server.base, house)
      for (const [name, path] of Object.entries(paths).slice(0, reads))
        for (const isKnown of closes ? [false] : [false, true]) {
          // How long guests have waited is in a full sync, and with it the tag changes.
          if (name.startsWith('full sync') && (isKnown || closes)) continue
          await compare(server.base, name, { path, token, isKnown, closes })
        }
    }
  } finally {
    await server.close()
  }
}

async function main(): Promise<void> {
  const found = await run('wrk', ['-v']).catch((error: { code?: unknown }) => error)
  if ('code' in found && found.code === 'ENOENT')
    return say('reads: not run, there is no wrk on the PATH. Install it: apt-get install wrk')
  await compareAll(HOUSES.slice(0, houses), false)
  // A process that is not alone on its database asks it for each read where the log ends.
  const postgres = await openPostgres(true)
  try {
    await compareAll(HOUSES.slice(0, 1), true, postgres.url)
  } finally {
    await postgres.close()
  }
}

await main()
