import { expect } from 'vitest'
import type { Answer, Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { send, type Floor, type Sent } from './load.ts'

/** What must be true of a restaurant whatever happened to its server: read from the log and the tables, trusting neither. */

interface Entry {
  readonly op: 'put' | 'drop'
  readonly kind: 'guest' | 'table'
  readonly id: string
  readonly event: string
  readonly version: number
  readonly value?: Entity
  readonly unchanged?: true
}
// Guests and tables: of both the parts that are compared one by one.
interface Entity extends Record<string, unknown> {
  readonly id: string
  readonly version: number
  readonly updatedAt: string
  readonly tableId?: string | null
  readonly guestId?: string | null
}
interface Change {
  readonly seq: number
  readonly mutationId: string | null
  readonly entries: readonly Entry[]
}

const key = (kind: string, id: string): string => `${kind} ${id}`

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
    `select seq::int, mutation_id as "mutationId", entries from qtable.changes where restaurant_id = $1 order by seq`,
    [restaurantId],
  )
  const gaps = changes.filter(({ seq }, index) => seq !== index + 1).map(({ seq }) => seq)
  const whole = { seq: changes.length, backwards: 0, open: 0, gaps: [] }
  expect({ ...head, gaps }, 'the head and its log').toEqual(whole)
  return changes
}

/** Plays the log from its beginning. Between any two changes every guest at a table must be the one which that table names. */
function replay(changes: readonly Change[]): Map<string, Entity> {
  const state = new Map<string, Entity>()
  for (const { seq, entries } of changes) {
    expect(entries.length, `change ${seq} is empty`).toBeGreaterThan(0)
    const touched = new Set<string>()
    for (const { op, kind, id, version, value, unchanged } of entries) {
      if (unchanged) continue
      const before = state.get(key(kind, id))
      expect(version, `version of ${kind} ${id} in change ${seq}`).toBe((before?.version ?? 0) + 1)
      if (op === 'put') state.set(key(kind, id), value!)
      else state.delete(key(kind, id))
      for (const each of [before, value]) {
        touched.add(key(kind, id))
        if (each?.tableId) touched.add(key('table', each.tableId))
        if (each?.guestId) touched.add(key('guest', each.guestId))
      }
    }
    for (const name of touched) expectPair(state, name, seq)
  }
  return state
}

function expectPair(state: Map<string, Entity>, name: string, seq: number): void {
  const one = state.get(name)
  if (one?.tableId) expect(state.get(key('table', one.tableId))?.guestId, `${name} after change ${seq}`).toBe(one.id)
  if (one?.guestId) expect(state.get(key('guest', one.guestId))?.tableId, `${name} after change ${seq}`).toBe(one.id)
}

async function tablesSay(url: string, restaurant: Restaurant): Promise<Map<string, Entity>> {
  const broken = await asLogin(
    url,
    `select g.id as guest, t.id as "table" from qtable.guests g full join qtable.tables t
       on t.restaurant_id = g.restaurant_id and t.id = g.table_id and t.guest_id = g.id
     where coalesce(g.restaurant_id, t.restaurant_id) = $1
       and ((g.table_id is not null and t.id is null) or (t.guest_id is not null and g.id is null))`,
    [restaurant.id],
  )
  expect(broken).toEqual([])
  const state = new Map<string, Entity>()
  for (const [kind, path] of [
    ['guest', '/guests?historyDays=0'],
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
 * Sends everything that is unanswered and has an Idempotency-Key again, twice, and a few that were answered; then checks that all that was
 * acknowledged is in the log, once. Gives how many were unanswered, and how many of those the server had done before it was killed.
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
  return { unanswered: open.length, done: repeatable.filter((one) => before.byMutation.has(one.key)).length }
}

const isOpen = ({ answer }: Sent): boolean => answer === null || answer.status === 503

function expectSame(one: Sent, again: Answer): void {
  const what = ({ status, body }: Answer) => ({ status, body: { ...body, requestId: null } })
  expect(what(again), `repeat of ${one.method} ${one.path}`).toEqual(what(one.answer!))
  if (again.status < 300) expect(again.headers.get('idempotency-replayed')).toBe('true')
}

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
  if (status >= 300) return
  if (method === 'DELETE') expect(log.drops.has(path.split('/')[2]!), what).toBe(true)
  else for (const state of statesIn(one, body)) expect(log.states.has(state), what).toBe(true)
}

/** The states of entities that an answer shows: id and time. */
function statesIn({ api, path }: Sent, body: Answer['body']): string[] {
  const cleared = path.endsWith('/clear')
  if (api === 'v2') {
    const { result } = body
    const entities: (Entity | null)[] = cleared
      ? [result.table, result.guest]
      : [path.endsWith('/status') ? result.guest : result]
    return entities.flatMap((entity) => (entity ? [`${entity.id} ${entity.updatedAt}`] : []))
  }
  const entities: ({ id: string; lastUpdated: string } | undefined)[] = cleared ? [body.table, body.guest] : [body]
  return entities.flatMap((entity) => (entity ? [`${entity.id} ${instantOf(entity.lastUpdated)}`] : []))
}

/** A time of the iPad's contract (with or without Z, with or without a fraction) as the log has it. */
const instantOf = (time: string): string => {
  const [whole, fraction = '000000'] = time.replace(/Z$/, '').split('.')
  return `${whole}.${fraction}Z`
}
