import { expect } from 'vitest'
import type { Answer, Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { send, type Floor, type Sent } from './load.ts'

/**
 * What must be true of a restaurant whatever happened to its server. It is read from the log and from the tables, and
 * neither is trusted.
 */

type Kind = 'guest' | 'reservation' | 'table'
/** Kinds whose every state the log has from the first. Others may be there before it begins, such as settings. */
const COMPARED: readonly string[] = ['guest', 'reservation', 'table'] satisfies Kind[]

interface Entry {
  readonly op: 'put' | 'drop'
  readonly kind: Kind
  readonly id: string
  readonly event: string
  readonly version: number
  readonly value?: Entity
  readonly unchanged?: true
}
// Guests, reservations and tables: the parts that are compared one by one.
interface Entity extends Record<string, unknown> {
  readonly id: string
  readonly version: number
  readonly updatedAt: string
  readonly tableId?: string | null
  readonly joinedTo?: string | null
  readonly guestId?: string | null
  readonly reservationId?: string | null
}
interface Change {
  readonly seq: number
  readonly command: string
  readonly mutationId: string | null
  readonly entries: readonly Entry[]
}

/** Commands that are lists of others. */
const LISTS = ['run-batch', 'run-each', 'arrange-tables']

const key = (kind: Kind, id: string): string => `${kind} ${id}`

async function readLog(url: string, restaurantId: string): Promise<Change[]> {
  const [head] = await asLogin<{ seq: number; backwards: number; open: number }>(
    url,
    `select seq::int,
       (select count(*)::int from (select at <= lag(at) over (order by seq) as back from qtable.changes where restaurant_id = $1) c where back)
         as backwards,
       (select count(*)::int from qtable.mutations where restaurant_id = $1 and outcome is null) as open
     from qtable.heads where restaurant_id = $1`,
    [restaurantId],
  )
  const changes = await asLogin<Change>(
    url,
    `select seq::int, command, mutation_id as "mutationId", entries from qtable.changes where restaurant_id = $1 order by seq`,
    [restaurantId],
  )
  const gaps = changes.filter(({ seq }, index) => seq !== index + 1).map(({ seq }) => seq)
  const whole = { seq: changes.length, backwards: 0, open: 0, gaps: [] }
  expect({ ...head, gaps }, 'the head and its log').toEqual(whole)
  return changes
}

/** Plays the log from its beginning. Between any two changes a party at a table must be the one that the table names. */
function replay(changes: readonly Change[]): Map<string, Entity> {
  const state = new Map<string, Entity>()
  const others = new Map<string, number>()
  for (const { seq, command, entries } of changes) {
    expect(entries.length, `change ${seq} is empty`).toBeGreaterThan(0)
    const touched = new Set<string>()
    for (const { op, kind, id, version, value, unchanged } of entries) {
      if (unchanged) continue
      const before = state.get(key(kind, id))
      const begun = COMPARED.includes(kind) ? 0 : version - 1
      const next = (before?.version ?? others.get(key(kind, id)) ?? begun) + 1
      // Two parts of a list may change the same entity. It is told once.
      const isNext = LISTS.includes(command) ? version >= next : version === next
      expect(isNext, `version ${version} of ${kind} ${id} after ${next - 1} in change ${seq}, ${command}`).toBe(true)
      if (!COMPARED.includes(kind)) {
        others.set(key(kind, id), version)
        continue
      }
      if (op === 'put') state.set(key(kind, id), value!)
      else state.delete(key(kind, id))
      for (const each of [before, value]) {
        touched.add(key(kind, id))
        for (const other of namedBy(kind, each)) touched.add(other)
      }
    }
    for (const name of touched) expectPair(state, name, seq)
  }
  return state
}

/** The other half of its pair: the table that a party is at, the party that a table has. */
function namedBy(kind: Kind, one: Entity | undefined): string[] {
  if (kind !== 'table') return one?.tableId ? [key('table', one.tableId)] : []
  return [
    ...(one?.guestId ? [key('guest', one.guestId)] : []),
    ...(one?.reservationId ? [key('reservation', one.reservationId)] : []),
  ]
}

function expectPair(state: Map<string, Entity>, name: string, seq: number): void {
  const one = state.get(name)
  const kind = name.split(' ')[0] as Kind
  for (const other of namedBy(kind, one)) {
    const named = namedBy(other.split(' ')[0] as Kind, state.get(other))
    // A party names the first of its tables.
    const first = one?.joinedTo ? key('table', one.joinedTo) : name
    expect(named, `${other}, which ${name} names after change ${seq}`).toEqual([first])
  }
}

async function tablesSay(url: string, restaurant: Restaurant): Promise<Map<string, Entity>> {
  const pairs = (parties: string, party: string) => `
    select p.id as party, t.id as "table" from qtable.${parties} p full join qtable.tables t
      on t.restaurant_id = p.restaurant_id and t.first_id = p.table_id and t.${party} = p.id
    where coalesce(p.restaurant_id, t.restaurant_id) = $1
      and ((p.table_id is not null and t.id is null) or (t.${party} is not null and p.id is null))`
  const sql = `${pairs('guests', 'guest_id')} union all ${pairs('reservations', 'reservation_id')}`
  expect(await asLogin(url, sql, [restaurant.id]), 'pairs with one half').toEqual([])
  const state = new Map<string, Entity>()
  for (const [kind, path] of [
    ['guest', '/guests?historyDays=0'],
    ['reservation', '/reservations'],
    ['table', '/tables'],
  ] as const) {
    const { status, body } = await restaurant.v2('GET', path)
    expect(status).toBe(200)
    for (const entity of body.result as Entity[]) state.set(key(kind, entity.id), entity)
  }
  return state
}

/** Checks a restaurant: the log has no gap and no half command, and the tables are what the log makes of them. Gives the log. */
export async function expectWhole(url: string, restaurant: Restaurant): Promise<Change[]> {
  const changes = await readLog(url, restaurant.id)
  const tables = Object.fromEntries(await tablesSay(url, restaurant))
  expect(tables, 'the tables, and what the log makes of them').toEqual(Object.fromEntries(replay(changes)))
  return changes
}

/** The log as it is asked for: what each mutation did, and every state that an entity ever had. */
class Said {
  readonly byMutation = new Map<string, Change[]>()
  readonly states = new Set<string>()
  readonly drops = new Set<string>()

  constructor(changes: readonly Change[]) {
    for (const change of changes) {
      if (change.mutationId !== null)
        this.byMutation.set(change.mutationId, [...(this.byMutation.get(change.mutationId) ?? []), change])
      for (const { op, id, value } of change.entries) {
        if (op === 'drop') this.drops.add(id)
        else this.states.add(`${id} ${value!.updatedAt}`)
      }
    }
  }
}

/**
 * Sends everything again, twice, that is unanswered and has an Idempotency-Key, and a few that were answered. Then checks
 * that all that was acknowledged is in the log once, or, where it is no change of the log, in the table of staff. Gives
 * how many were unanswered, and how many of those the server had done before it was killed.
 */
export async function expectAcknowledged(url: string, floor: Floor): Promise<{ unanswered: number; done: number }> {
  const open = floor.sent.filter((one) => isOpen(one))
  const before = new Said(await readLog(url, floor.restaurant.id))
  const repeatable = open.filter(({ api }) => api === 'v2')
  for (const one of repeatable) one.answer = await send(floor, one)
  const answered = floor.sent.filter((one) => one.api === 'v2' && !isOpen(one)).slice(-20)
  for (const one of [...repeatable, ...answered]) expectSame(one, await send(floor, one))

  const log = new Said(await readLog(url, floor.restaurant.id))
  for (const one of floor.sent) if (!isOpen(one)) expectInLog(log, one)
  await expectStaff(url, floor)
  return { unanswered: open.length, done: repeatable.filter((one) => before.byMutation.has(one.key)).length }
}

const isOpen = ({ answer }: Sent): boolean => answer === null || answer.status === 503

function expectSame(one: Sent, again: Answer): void {
  const what = ({ status, body }: Answer) => ({ status, body: { ...body, requestId: null } })
  expect(what(again), `repeat of ${one.method} ${one.path}`).toEqual(what(one.answer!))
  if (again.status < 300) expect(again.headers.get('idempotency-replayed')).toBe('true')
}

/** What stands in tables of its own and in no log, or not under the id of its path. */
const OFF_LOG = /^\/(staff|people|messages|message-settings|message-templates|devices|guest-links|turns)\b/

function expectInLog(log: Said, one: Sent): void {
  const { api, method, path, answer } = one
  const { status, body } = answer!
  const what = `${api} ${method} ${path} answered ${status} ${answer!.text}`
  expect(status, what).toBeLessThan(500)
  const changes = log.byMutation.get(one.key) ?? []
  if (api === 'v2')
    expect(
      changes.map(({ seq }) => seq),
      what,
    ).toEqual(status < 300 && body.seq !== null ? [body.seq] : [])
  if (status >= 300 || OFF_LOG.test(path)) return
  const states = statesIn(api === 'v2' ? body.result : body)
  if (method === 'DELETE') expect(log.drops.has(path.split('/')[2]!), what).toBe(true)
  else if (api === 'ipad' || body.seq !== null) expect(states.length, what).toBeGreaterThan(0)
  for (const state of states) expect(log.states.has(state), `${what}: ${state}`).toBe(true)
}

/** The states of entities anywhere in an answer: id and time. */
function statesIn(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return []
  const { id, updatedAt, lastUpdated } = part as Record<string, unknown>
  const own =
    typeof updatedAt === 'string' ? updatedAt : typeof lastUpdated === 'string' ? instantOf(lastUpdated) : null
  const below = Object.values(part).flatMap(statesIn)
  return typeof id === 'string' && own !== null ? [`${id} ${own}`, ...below] : below
}

interface StaffOf {
  readonly restaurant: Pick<Restaurant, 'id'>
  readonly sent: readonly Pick<Sent, 'method' | 'path' | 'body' | 'answer'>[]
}

/** Staff are in no log: who was added is there once, named and signed out as often as it was acknowledged. */
export async function expectStaff(url: string, { restaurant, sent }: StaffOf): Promise<void> {
  const rows = await asLogin<{ id: string; email: string; name: string | null; ends: number }>(
    url,
    `select id, email, first_name as name, token_generation as ends from qtable.staff where restaurant_id = $1`,
    [restaurant.id],
  )
  for (const { method, path, body, answer } of sent) {
    // A PIN says nothing of who there is.
    if (!path.startsWith('/staff') || path.endsWith('/pin') || !answer || answer.status >= 300) continue
    const [{ result }, id] = [answer.body, path.split('/')[2]]
    const who = rows.find((row) => row.id === (id ?? result.id))
    const { email, firstName } = (body ?? {}) as { email?: string; firstName?: string }
    const what = `${method} ${path} answered ${answer.text}`
    if (method === 'POST')
      expect(
        rows.filter((row) => row.email === email).map((row) => row.id),
        what,
      ).toEqual([result.id])
    else if (method === 'PATCH') expect(who?.name, what).toBe(firstName)
    else expect(who?.ends, what).toBe(1)
  }
}

/** A time of the iPad's contract (with or without Z, with or without a fraction) as the log has it. */
const instantOf = (time: string): string => {
  const [whole, fraction = '000000'] = time.replace(/Z$/, '').split('.')
  return `${whole}.${fraction}Z`
}
