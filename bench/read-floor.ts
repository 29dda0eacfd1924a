import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The server that reads are measured on, as `npm start` runs it, and the restaurants that they are of. */

export const SECRET = 'a secret key for the bench only'
export const HOUSES = [
  { name: 'S', tables: 40, guests: 300 },
  { name: 'L', tables: 100, guests: 2_000 },
] as const

interface House {
  readonly name: string
  readonly tables: number
  readonly guests: number
}

const run = promisify(execFile)

export interface Server {
  readonly base: string
  readonly pid: number
  close(): Promise<void>
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

let built: Promise<unknown> | null = process.env['BENCH_BUILT'] === 'yes' ? Promise.resolve() : null

/** `databaseUrl`: one of several processes over that database; without it the server is alone on its own. */
export async function startOurs(databaseUrl?: string): Promise<Server> {
  const root = fileURLToPath(new URL('../', import.meta.url))
  const folder = await mkdtemp(join(tmpdir(), 'qtable-bench-'))
  built ??= run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: root })
  await built
  const env = { ...process.env, QTABLE_DATA: folder, HOST: '127.0.0.1', PORT: '0', SECRET_KEY: SECRET }
  const args = ['--enable-source-maps', join(root, 'dist/main.js')]
  const child = spawn(process.execPath, args, {
    env: { ...env, ACCESS_TOKEN_EXPIRE_MINUTES: '600', REDIS_URL: undefined, DATABASE_URL: databaseUrl },
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
    pid: child.pid!,
    async close() {
      child.kill('SIGTERM')
      await ended(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A restaurant with so many tables and guests; its token and what is read of it. */
export async function furnish(base: string, { name, tables, guests }: House) {
  const post = async (path: string, body: object, token = '') => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { restaurant_id: string; access_token: string; id: string; status: string }
  }
  const who = { email: `owner-${name.toLowerCase()}@bench.example`, password: 'Tall-Cedar-71' }
  await post('/auth/register', { restaurant_name: `House ${name}`, ...who })
  const { restaurant_id: id, access_token: token } = await post('/auth/login', who)
  const path = `/restaurants/${id}`
  const tableIds: string[] = []
  for (let n = 1; n <= tables; n++) {
    const table = { table_number: `${n}`, capacity: 4, position: { x: 0.5, y: 0.5 }, section: 'Main' }
    tableIds.push((await post(`${path}/tables`, table, token)).id)
  }
  const waiting: string[] = []
  for (let n = 1; n <= guests; n += 20) {
    const made = await Promise.all(
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
    waiting.push(...made.filter(({ status }) => status === 'Waitlist').map((guest) => guest.id))
  }
  return {
    restaurantId: id,
    token,
    path,
    tables: tableIds,
    waiting,
    reads: {
      [`dashboard ${name}`]: `/restaurants/${id}/dashboard-data`,
      [`tables ${name}`]: `/restaurants/${id}/tables`,
      [`guests ${name}`]: `/restaurants/${id}/guests`,
      [`full sync ${name}`]: `/api/sync/full?restaurant_id=${id}`,
    },
  }
}
