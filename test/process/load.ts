import { randomUUID } from 'node:crypto'
import type { Answer, Restaurant } from '../kit.ts'

/** Writers as a busy floor has them: every kind of write, over both APIs, with everything that was sent and answered remembered. */

/** One request and its answer; null when none came, so that nobody knows whether it was done. */
export interface Sent {
  readonly api: 'ipad' | 'v2'
  readonly method: string
  readonly path: string
  readonly body: unknown
  /** The Idempotency-Key, on /v2. */
  readonly key: string
  answer: Answer | null
}

/** A restaurant under load. */
export interface Floor {
  readonly restaurant: Restaurant
  readonly tables: readonly string[]
  readonly guests: string[]
  readonly sent: Sent[]
}

/** A restaurant with tables and the first few guests. */
export async function openFloor(restaurant: Restaurant, tables: number): Promise<Floor> {
  const floor: Floor = { restaurant, tables: [], guests: [], sent: [] }
  for (let n = 1; n <= tables; n++) (floor.tables as string[]).push(await restaurant.table(`${n}`))
  for (let n = 1; n <= 10; n++) floor.guests.push(await restaurant.walkIn(`First ${n}`))
  return floor
}

/** Sends it, again if it was sent before. */
export async function send(floor: Floor, one: Sent): Promise<Answer> {
  const { api, method, path, body, key } = one
  const answer =
    api === 'v2'
      ? await floor.restaurant.v2(method, path, body, { 'idempotency-key': key })
      : await floor.restaurant.call(method, path, body)
  const id: unknown = api === 'v2' ? answer.body?.result?.id : answer.body?.id
  if (method === 'POST' && path === '/guests' && typeof id === 'string' && answer.status < 300) floor.guests.push(id)
  return answer
}

/** Writes one after the other until told to stop, or until the server is gone. */
export async function write(floor: Floor, random: () => number, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    const one = nextWrite(floor, random)
    floor.sent.push(one)
    try {
      one.answer = await send(floor, one)
    } catch {
      return
    }
  }
}

type Make = (guest: string, table: string, note: string) => Pick<Sent, 'api' | 'method' | 'path' | 'body'>

// How often each is done, of a hundred.
const WRITES: readonly [number, Make][] = [
  [15, (_, __, note) => ({ api: 'v2', method: 'POST', path: '/guests', body: { firstName: note, partySize: 2 } })],
  [15, (_, __, note) => ({ api: 'ipad', method: 'POST', path: '/guests', body: { first_name: note, party_size: 3 } })],
  [15, (guest, tableId) => ({ api: 'v2', method: 'POST', path: `/guests/${guest}/seat`, body: { tableId } })],
  [10, (guest, table_id) => ({ api: 'ipad', method: 'PUT', path: `/guests/${guest}`, body: { table_id } })],
  [5, (guest, tableId) => ({ api: 'v2', method: 'POST', path: `/guests/${guest}/move`, body: { tableId } })],
  [10, (_, table) => ({ api: 'ipad', method: 'PUT', path: `/tables/${table}/clear`, body: undefined })],
  [10, (_, table) => ({ api: 'v2', method: 'POST', path: `/tables/${table}/clear`, body: {} })],
  [5, (guest, _, notes) => ({ api: 'v2', method: 'PATCH', path: `/guests/${guest}`, body: { notes } })],
  [5, (guest, _, notes) => ({ api: 'ipad', method: 'PUT', path: `/guests/${guest}`, body: { notes } })],
  [3, (guest) => ({ api: 'v2', method: 'POST', path: `/guests/${guest}/status`, body: { status: 'finished' } })],
  [4, (guest) => ({ api: 'v2', method: 'DELETE', path: `/guests/${guest}`, body: undefined })],
  [3, (guest) => ({ api: 'ipad', method: 'DELETE', path: `/guests/${guest}`, body: undefined })],
]

function nextWrite(floor: Floor, random: () => number): Sent {
  // The newest guests are the ones that something happens to.
  const guest = floor.guests[Math.max(0, floor.guests.length - 1 - Math.floor(random() * 25))]!
  const table = floor.tables[Math.floor(random() * floor.tables.length)]!
  const key = randomUUID()
  let left = random() * WRITES.reduce((sum, [weight]) => sum + weight, 0)
  const [, make] = WRITES.find(([weight]) => (left -= weight) < 0) ?? WRITES[0]!
  return { ...make(guest, table, `note ${key}`), key, answer: null }
}
