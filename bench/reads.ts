import { execFile, fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { layOut, median } from './figures.ts'
import type { Served } from './raw-http.ts'

/**
 * Reads of the iPad's contract over 32 connections: the server as `npm start` runs it, its log included, against node:http that checks the same token and serves the same
 * bytes. Sides take turns. `--quick` takes about half a minute and says roughly; without it about five minutes.
 */

const CONNECTIONS = 32
const SECRET = 'a secret key for the bench only'
const HOUSES = [
  { name: 'S', tables: 40, guests: 300 },
  { name: 'L', tables: 100, guests: 2_000 },
] as const
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

const run = promisify(execFile)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

interface Server {
  readonly base: string
  close(): Promise<void>
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function startOurs(): Promise<Server> {
  const root = fileURLToPath(new URL('../', import.meta.url))
  const folder = await mkdtemp(join(tmpdir(), 'qtable-bench-'))
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: root })
  const env = { ...process.env, QTABLE_DATA: folder, HOST: '127.0.0.1', PORT: '0', SECRET_KEY: SECRET }
  const args = ['--enable-source-maps', join(root, 'dist/main.js')]
  const child = spawn(process.execPath, args, {
    env: { ...env, ACCESS_TOKEN_EXPIRE_MINUTES: '600', REDIS_URL: undefined, DATABASE_URL: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  const base = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      // What comes after the start is its log, which is read and forgotten.
      if (said.length < 20_000) said += text.toString('utf8')
      const found = /serving\s+(http:\/\/\S+)/.exec(said)
      if (found) resolve(found[1]!)
    })
    child.once('exit', () => reject(new Error(`the server ended: ${said}`)))
  })
  return {
    base,
    async close() {
      child.kill('SIGTERM')
      await ended(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startRaw(served: Served): Promise<Server> {
  const child = fork(new URL('./raw-http.ts', import.meta.url), { execArgv: process.execArgv })
  child.send(served)
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    base: `http://127.0.0.1:${port}`,
    async close() {
      child.disconnect()
      await ended(child)
    },
  }
}

/** A restaurant with so many tables and guests; its token and what is read of it. */
async function furnish(base: string, { name, tables, guests }: (typeof HOUSES)[number]) {
  const post = async (path: string, body: object, token = '') => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { restaurant_id: string; access_token: string }
  }
  const who = { email: `owner-${name.toLowerCase()}@bench.example`, password: 'Tall-Cedar-71' }
  await post('/auth/register', { restaurant_name: `House ${name}`, ...who })
  const { restaurant_id: id, access_token: token } = await post('/auth/login', who)
  for (let n = 1; n <= tables; n++)
    await post(
      `/restaurants/${id}/tables`,
      { table_number: `${n}`, capacity: 4, position: { x: 0.5, y: 0.5 }, section: 'Main' },
      token,
    )
  for (let n = 1; n <= guests; n += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, guests - n + 1) }, (_, k) =>
        post(
          `/restaurants/${id}/guests`,
          {
            first_name: `Guest ${n + k}`,
            last_name: 'Walker',
            party_size: 2 + (k % 5),
            phone: '+1 555 0100',
            // One in eight waits, the others have been here this week.
            status: (n + k) % 8 === 0 ? 'Waitlist' : 'Finished',
          },
          token,
        ),
      ),
    )
  return {
    token,
    reads: {
      [`dashboard ${name}`]: `/restaurants/${id}/dashboard-data`,
      [`tables ${name}`]: `/restaurants/${id}/tables`,
      [`guests ${name}`]: `/restaurants/${id}/guests`,
      [`full sync ${name}`]: `/api/sync/full?restaurant_id=${id}`,
    },
  }
}

/** Requests a second, and the 99th percentile in milliseconds. Throws when an answer is neither 200 nor 304. */
async function wrk(base: string, path: string, token: string, etag: string | null, seconds: number) {
  const headers = ['-H', `authorization: Bearer ${token}`, ...(etag === null ? [] : ['-H', `if-none-match: ${etag}`])]
  const shape = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency']
  const { stdout } = await run('wrk', [...shape, ...headers, base + path])
  if (/Non-2xx or 3xx responses|Socket errors/.test(stdout)) throw new Error(`${path}: ${stdout}`)
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout)!
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout)!
  return { rate: Number(rate), p99: Number(p99) * { us: 0.001, ms: 1, s: 1_000 }[unit as 'us' | 'ms' | 's'] }
}

async function main(): Promise<void> {
  const quick = process.argv.includes('--quick')
  const [seconds, rounds] = quick ? [1, 2] : [3, 5]
  const found = await run('wrk', ['-v']).catch((error: { code?: unknown; stdout?: string }) => error)
  if ('code' in found && found.code === 'ENOENT')
    return say('reads against node:http: not run, there is no wrk on the PATH. Install it: apt-get install wrk')
  const ours = await startOurs()
  const rows = [['what', 'kB', 'ours/s', 'node:http/s', 'ratio', 'p99 ms', "limit's p99", 'times the old server']]
  try {
    for (const house of HOUSES) {
      const { token, reads } = await furnish(ours.base, house)
      for (const [name, path] of Object.entries(reads))
        for (const isKnown of [false, true]) {
          const answer = await fetch(ours.base + path, {
            headers: { authorization: `Bearer ${token}`, 'accept-encoding': 'identity' },
          })
          const body = Buffer.from(await answer.arrayBuffer())
          const etag = answer.headers.get('etag')!
          const raw = await startRaw({ secret: SECRET, answers: { [path]: { body: body.toString('base64'), etag } } })
          const sent = isKnown ? etag : null
          // How long guests have waited is in it, and with it the tag changes.
          if (isKnown && name.startsWith('full sync')) {
            await raw.close()
            continue
          }
          const own: Awaited<ReturnType<typeof wrk>>[] = []
          const limit: typeof own = []
          await wrk(ours.base, path, token, sent, 1)
          await wrk(raw.base, path, token, sent, 1)
          for (let round = 0; round < rounds; round++) {
            const first = round % 2 === 0
            if (first) own.push(await wrk(ours.base, path, token, sent, seconds))
            limit.push(await wrk(raw.base, path, token, sent, seconds))
            if (!first) own.push(await wrk(ours.base, path, token, sent, seconds))
          }
          await raw.close()
          const ratio = median(own.map(({ rate }, round) => rate / limit[round]!.rate))
          const rate = median(own.map((one) => one.rate))
          const before = BEFORE[name]
          rows.push([
            `${name}${isKnown ? ', 304' : ''}`,
            isKnown ? '0' : (body.length / 1000).toFixed(0),
            rate.toFixed(0),
            median(limit.map((one) => one.rate)).toFixed(0),
            ratio.toFixed(2),
            median(own.map(({ p99 }) => p99)).toFixed(1),
            median(limit.map(({ p99 }) => p99)).toFixed(1),
            before === undefined || isKnown ? '' : (rate / before).toFixed(0),
          ])
        }
    }
  } finally {
    await ours.close()
  }
  say(
    `Reads, ${CONNECTIONS} connections, one process; the limit checks the token's HMAC for each request\n\n${layOut(rows)}`,
  )
}

await main()
