import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../kit.ts'
import { upTo } from '../patience.ts'

/** Deltas polled by timestamps, as the app does, while 8 writers change the floor. Long form: `DELTA_CHANGES=50000 npx vitest run --project db test/contract/delta`. */
const CHANGES = Number(process.env['DELTA_CHANGES'] ?? 500)
const WRITERS = 8
const TABLES = 12

let app: TestApp
let r: Restaurant
let sync: (path: string) => Promise<{ status: number; body: Body }>
beforeAll(async () => {
  app = await startApp({ POOL_SIZE: '24' })
  r = await app.restaurant()
  sync = async (path) => app.call('GET', `/api/sync${path}`, undefined, { authorization: `Bearer ${r.token}` })
})
afterAll(() => app.close())

interface SyncItem {
  readonly id: string
  readonly waitTime?: number
}
interface Body {
  readonly timestamp: string
  readonly current_timestamp: string
  readonly has_more: boolean
  readonly guests: readonly SyncItem[]
  readonly tables: readonly SyncItem[]
  readonly changes: readonly { entity_type: string; entity_id: string; action: string; data: SyncItem }[]
}

/** What a device holds, by id, without the waiting time, which grows by itself. */
type State = Map<string, string>
const facts = (item: SyncItem) => JSON.stringify({ ...item, waitTime: 0 })

const byId = ([a]: readonly unknown[], [b]: readonly unknown[]) => (String(a) < String(b) ? -1 : 1)

/** Eight writers over one floor: walk-ins, seats, moves, clears, edits, deletions, new and removed tables. */
async function writeALot(count: number): Promise<void> {
  const tables = await Promise.all(Array.from({ length: TABLES }, (_, i) => r.table(`${i + 1}`)))
  let left = count
  const writer = async (n: number) => {
    const mine: string[] = []
    for (let i = 0; left-- > 0; i++) {
      const guest = mine[i % Math.max(1, mine.length)]
      const table = tables[(n * 5 + i) % TABLES]
      if (!guest || i % 6 === 0) mine.push(await r.walkIn(`W${n} ${i}`))
      else if (i % 6 === 5 && mine.length > 4) await r.call('DELETE', `/guests/${mine.shift()}`)
      else if (i % 6 === 4) await r.call('PUT', `/tables/${table}/clear`)
      else if (i % 50 === 3) await r.call('DELETE', `/tables/${await r.table(`x${n} ${i}`)}`)
      else await r.call('PUT', `/guests/${guest}`, i % 2 ? { status: 'Seated', table_id: table } : { notes: `${i}` })
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)))
}

/** The state that the log says there was at a time, in the order of seq, from the answers' own values. */
async function stateAt(time: string): Promise<{ guests: Set<string>; tables: Set<string> }> {
  const rows = await app.database.sql<{ kind: string; id: string; op: string }>(
    `select distinct on (e->>'id') e->>'kind' as kind, e->>'id' as id, e->>'op' as op
     from qtable.changes c, json_array_elements(c.entries) e
     where restaurant_id = $1 and at <= $2 order by e->>'id', seq desc`,
    [r.id, time],
  )
  const alive = (kind: string) =>
    new Set(rows.filter((row) => row.kind === kind && row.op === 'put').map(({ id }) => id))
  return { guests: alive('guest'), tables: alive('table') }
}

/** A device that polls deltas from where the last answer ended. */
async function poll(state: State, since: string, limit: number): Promise<string> {
  for (;;) {
    const { status, body } = await sync(
      `/delta?restaurant_id=${r.id}&since=${encodeURIComponent(since)}&limit=${limit}`,
    )
    expect(status).toBe(200)
    for (const { entity_id: id, action, data } of body.changes) {
      if (action === 'delete') state.delete(id)
      else state.set(id, facts(data))
    }
    since = body.current_timestamp
    if (!body.has_more) return since
  }
}

/** The old backend's way: rows that were written after the last answer, half the limit of each kind, from the server's time. */
async function pollAsBefore(held: Map<string, number>, since: string, limit: number): Promise<string> {
  const now = new Date().toISOString()
  for (const table of ['guests', 'tables']) {
    const rows = await app.database.sql<{ id: string; version: number }>(
      `select id, version from qtable.${table} where restaurant_id = $1 and updated_at > $2 limit $3`,
      [r.id, since, limit / 2],
    )
    for (const { id, version } of rows) held.set(id, version)
  }
  return now
}

test(
  `S2, S3, L3: ${CHANGES} changes by ${WRITERS} writers, polled by timestamps: nothing missed, nothing resurrected; the old way misses`,
  { timeout: upTo(900_000) },
  async () => {
    const { body: full } = await sync(`/full?restaurant_id=${r.id}`)
    const devices = [1, 7, 100, 1000].map((limit) => ({
      limit,
      since: full.timestamp,
      polls: 0,
      state: new Map() as State,
    }))
    const before = { since: full.timestamp, held: new Map<string, number>() }
    const stop = new AbortController()
    const polling = devices.map(async (device) => {
      while (!stop.signal.aborted) {
        device.since = await poll(device.state, device.since, device.limit)
        device.polls++
        if (device.polls % 10 !== 1 && CHANGES > 5_000) continue
        // At the very moment that the answer speaks of, whatever was written since.
        const { guests, tables } = await stateAt(device.since)
        expect([...device.state.keys()].sort()).toEqual([...guests, ...tables].sort())
      }
    })
    const pollingAsBefore = (async () => {
      while (!stop.signal.aborted) {
        before.since = await pollAsBefore(before.held, before.since, 100)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    await writeALot(CHANGES)
    stop.abort()
    await Promise.all([...polling, pollingAsBefore])

    const { body: end } = await sync(`/full?restaurant_id=${r.id}`)
    const wanted = [...end.guests, ...end.tables].map((item) => [item.id, facts(item)]).sort(byId)
    for (const device of devices) {
      await poll(device.state, device.since, device.limit)
      expect([...device.state].sort(byId), `limit ${device.limit}`).toEqual(wanted)
    }
    const rows = await app.database.sql<{ id: string; version: number }>(
      `select id, version from qtable.guests where restaurant_id = $1
       union all select id, version from qtable.tables where restaurant_id = $1`,
      [r.id],
    )
    await pollAsBefore(before.held, before.since, 100)
    const missed = rows.filter(({ id, version }) => before.held.get(id) !== version).length
    const ghosts = [...before.held.keys()].filter((held) => !rows.some(({ id }) => id === held)).length
    const [{ n }] = (await app.database.sql<{ n: string }>(
      'select count(*) as n from qtable.changes where restaurant_id = $1',
      [r.id],
    )) as [{ n: string }]
    console.log(
      `${n} changes; polls ${devices.map(({ limit, polls }) => `${polls} (limit ${limit})`).join(', ')}: 0 missed, 0 resurrected; the old way missed ${missed} of ${rows.length} and still shows ${ghosts} that are gone`,
    )
    expect(missed + ghosts).toBeGreaterThan(0)
  },
)

test('S2: any time that the server ever told continues without a gap, and pages of any size end where they say', async () => {
  const guest = await r.walkIn('S2')
  const { body: told } = await sync(`/full?restaurant_id=${r.id}`)
  const createdAt: string = (await r.call('GET', `/guests/${guest}`)).body.createdAt
  await r.call('PUT', `/guests/${guest}`, { notes: 'later' })
  const updatedAt: string = (await r.call('GET', `/guests/${guest}`)).body.lastUpdated
  const since = async (time: string) =>
    (await sync(`/delta?restaurant_id=${r.id}&since=${encodeURIComponent(time)}`)).body.changes.map(
      ({ entity_id: id }) => id,
    )
  expect(await since(createdAt)).toContain(guest)
  expect(await since(told.timestamp)).toEqual([guest])
  await r.call('DELETE', `/guests/${guest}`)
  const after = (await sync(`/delta?restaurant_id=${r.id}&since=${updatedAt}`)).body
  expect(after.changes.at(-1)).toMatchObject({ entity_id: guest, action: 'delete' })
  const none = (await sync(`/delta?restaurant_id=${r.id}&since=${after.current_timestamp}`)).body
  expect(none).toMatchObject({ changes: [], has_more: false, current_timestamp: after.current_timestamp })
  const zero = (await sync(`/delta?restaurant_id=${r.id}&since=${updatedAt}&limit=0`)).body
  expect(zero).toMatchObject({ changes: [], has_more: true })
  expect((await since(zero.current_timestamp)).at(-1)).toBe(guest)
})

test('S2: where the log does not reach back, the entities themselves and every deletion since are told', async () => {
  const [kept, gone] = [await r.walkIn('kept'), await r.walkIn('gone')]
  await r.call('DELETE', `/guests/${gone}`)
  await app.database.sql('update qtable.heads set floor_at = last_at where restaurant_id = $1', [r.id])
  const state: State = new Map([[gone, 'stale']])
  const end = await poll(state, '2000-01-01T00:00:00Z', 7)
  const { body: full } = await sync(`/full?restaurant_id=${r.id}`)
  expect(end).toBe(full.timestamp)
  expect([...state.keys()].sort()).toEqual([...full.guests, ...full.tables].map(({ id }) => id).sort())
  expect(state.has(kept)).toBe(true)
  expect(state.has(gone)).toBe(false)
})

test('S1: the floor, the lists and the dashboard tell the same moment', async () => {
  const [floor, dashboard, guests, tables] = await Promise.all([
    r.v2('GET', '/floor'),
    r.call('GET', '/dashboard-data'),
    r.call('GET', '/guests'),
    r.call('GET', '/tables'),
  ])
  const ids = (list: { id: string }[]) => list.map(({ id }) => id)
  expect(ids(floor.body.result.guests)).toEqual(ids(guests.body))
  expect(ids(dashboard.body.guests)).toEqual(ids(guests.body))
  expect(ids(floor.body.result.tables)).toEqual(ids(tables.body))
  expect(ids(dashboard.body.tables)).toEqual(ids(tables.body))
  expect(`${dashboard.body.lastUpdated}Z`).toBe(floor.body.result.at.replace('.000000Z', 'Z'))
})
