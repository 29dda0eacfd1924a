import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SECRET } from './pairs.ts'

/** The server as `npm start` runs it, and restaurants that are made through its API. */

export const HOUSES = [
  { name: 'S', tables: 40, guests: 300 },
  { name: 'L', tables: 100, guests: 2_000 },
] as const

export interface Server {
  readonly base: string
  readonly pid: number
  close(): Promise<void>
}

/** Starts it. `databaseUrl`: one of several processes over that database; without it the server is alone on its own. */
export async function startServer(databaseUrl?: string): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'qtable-bench-'))
  const env = { ...process.env, QTABLE_DATA: folder, HOST: '127.0.0.1', PORT: '0', SECRET_KEY: SECRET }
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const child = spawn(process.execPath, ['--enable-source-maps', main], {
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
      const gone = once(child, 'exit')
      if (child.kill('SIGTERM')) await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A restaurant that is signed in to. */
export interface House {
  readonly restaurantId: string
  readonly token: string
  readonly staffId: string
  readonly tables: readonly string[]
  /** Guests that wait. */
  readonly waiting: readonly string[]
  /** What is read of it: paths by names. */
  readonly reads: Readonly<Record<string, string>>
}

/** Makes a restaurant with so many tables and guests. */
export async function furnish(
  base: string,
  { name, tables, guests }: { readonly name: string; readonly tables: number; readonly guests: number },
): Promise<House> {
  const post = async (path: string, body: object, token = '') => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Readonly<Record<string, string>>
  }
  const who = { email: `owner-${name.toLowerCase()}@bench.example`, password: 'Tall-Cedar-71' }
  await post('/auth/register', { restaurant_name: `House ${name}`, ...who })
  const { restaurant_id, access_token, user_id } = await post('/auth/login', who)
  const path = `/restaurants/${restaurant_id}`
  /** Posts so many, twenty at a time, and gives the ids of those that are `wanted`. */
  const postAll = async (
    count: number,
    to: string,
    bodyOf: (n: number) => object,
    wanted: (n: number) => boolean = () => true,
  ) => {
    const ids: string[] = []
    for (let n = 1; n <= count; n += 20) {
      const numbers = Array.from({ length: Math.min(20, count - n + 1) }, (_, k) => n + k)
      const made = await Promise.all(numbers.map((each) => post(path + to, bodyOf(each), access_token)))
      ids.push(...made.flatMap(({ id }, k) => (wanted(n + k) ? [id!] : [])))
    }
    return ids
  }
  const table = { capacity: 4, position: { x: 0.5, y: 0.5 }, section: 'Main' }
  const guest = { last_name: 'Walker', phone: '+1 555 0100' }
  // One in eight waits, the others have been here this week.
  const waits = (n: number) => n % 8 === 0
  const guestOf = (n: number) => ({
    ...guest,
    first_name: `Guest ${n}`,
    party_size: 2 + (n % 5),
    status: waits(n) ? 'Waitlist' : 'Finished',
  })
  return {
    restaurantId: restaurant_id!,
    token: access_token!,
    staffId: user_id!,
    tables: await postAll(tables, '/tables', (n) => ({ ...table, table_number: `${n}` })),
    waiting: await postAll(guests, '/guests', guestOf, waits),
    reads: {
      [`dashboard ${name}`]: `${path}/dashboard-data`,
      [`tables ${name}`]: `${path}/tables`,
      [`guests ${name}`]: `${path}/guests`,
      [`full sync ${name}`]: `/api/sync/full?restaurant_id=${restaurant_id}`,
    },
  }
}
