import { Db } from '../platform/database/db.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Answer, type Restaurant, type TestApp } from '../../test/kit.ts'
import { cursorText } from '../changes/cursor.ts'
import { instantOfMicros } from '../platform/clock.ts'
import { newId } from '../platform/ids.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** Counts the transactions that are begun from now on, but for the hub's looks at the heads, which go on by themselves. */
function counted(): { trips: () => number; stop: () => void } {
  let trips = 0
  const reals = (['transaction', 'snapshot'] as const).map((name) => {
    // Each request works with a Db of its own on the same connections.
    const real = Db.prototype[name] as (this: Db, scope: object, ...rest: unknown[]) => Promise<unknown>
    const counting = function (this: Db, scope: object, ...rest: unknown[]) {
      // Housekeeping asks where logs stand and who may stay.
      if (!('watched' in scope) && !('watchedStaff' in scope)) trips++
      return real.call(this, scope, ...rest)
    }
    Object.defineProperty(Db.prototype, name, { value: counting, configurable: true, writable: true })
    return [name, real] as const
  })
  const stop = () => {
    for (const [name, real] of reals)
      Object.defineProperty(Db.prototype, name, { value: real, configurable: true, writable: true })
  }
  return { trips: () => trips, stop }
}

const readsOf = (guest: string) => [
  '/tables',
  '/guests',
  '/guests?limit=1',
  `/guests/${guest}`,
  '/floor',
  '/floor/since?since=2020-01-01T00:00:00Z',
  '/reservations',
]

const have = (restaurant: Restaurant, path: string, etag: string, headers: Record<string, string> = {}) =>
  restaurant.v2('GET', path, undefined, { 'if-none-match': etag, ...headers })

test('N4: what a client has is answered with 304, without a transaction once the floor is in memory', async () => {
  const restaurant = await app.restaurant()
  const guest = await restaurant.walkIn()
  for (const path of readsOf(guest)) {
    const first = await restaurant.v2('GET', path)
    const etag = first.headers.get('etag')!
    expect(etag, path).toMatch(/^W\/"[0-9a-f-]{36}\.\d+\.\d{4}-\d\d-\d\dT\d\d"$/)
    expect(first.headers.get('cache-control')).toBe('private, no-cache')
    // The first one brings the floor into memory, and who asks is known for a moment.
    expect((await have(restaurant, path, etag)).status).toBe(304)
    const { trips, stop } = counted()
    try {
      for (const sent of [etag, etag.slice(2), `"other", ${etag}`]) {
        const again = await have(restaurant, path, sent)
        expect([again.status, again.text, again.headers.get('etag')], path).toEqual([304, '', etag])
      }
      expect(trips(), path).toBe(0)
      for (const sent of ['"other"', '*', 'W/"', 'x'.repeat(5_000)])
        expect((await have(restaurant, path, sent)).text, path).toBe(first.text)
      expect(trips(), path).toBe(4)
    } finally {
      stop()
    }
  }
})

test('N4: after each change, and in a log that begins anew, the ETag is another and the answer is new', async () => {
  const restaurant = await app.restaurant()
  const guest = await restaurant.walkIn()
  const before = await restaurant.v2('GET', `/guests/${guest}`)
  const etag = before.headers.get('etag')!
  expect((await have(restaurant, `/guests/${guest}`, etag)).status).toBe(304)
  await restaurant.v2('PATCH', `/guests/${guest}`, { notes: 'x' })
  const after = await have(restaurant, `/guests/${guest}`, etag)
  expect([after.status, after.body.result.notes]).toEqual([200, 'x'])
  expect(after.headers.get('etag')).not.toBe(etag)
  // A log that begins anew has the same seq in another epoch.
  await app.database.sql('update qtable.heads set epoch = gen_random_uuid() where restaurant_id = $1', [restaurant.id])
  await app.app.hub.poll()
  const anew = await have(restaurant, `/guests/${guest}`, after.headers.get('etag')!)
  expect([anew.status, anew.body]).toEqual([200, after.body])
})

test('N4: history is counted from the full hour, so an answer is the same for the whole hour', async () => {
  const restaurant = await app.restaurant()
  const id = await restaurant.walkIn()
  await restaurant.v2('POST', `/guests/${id}/status`, { status: 'cancelled' })
  const listed = async (hours: number) => {
    // Ended as long ago as the hour began, and one day more.
    const hour = Math.floor(Date.now() / 3_600_000)
    const ended = instantOfMicros((hour - 24) * 3_600_000_000 + hours * 1_000_000)
    await app.database.sql('update qtable.guests set ended_at = $2 where id = $1', [id, ended])
    return [
      (await restaurant.v2('GET', '/guests?historyDays=1')).body.result.length,
      (await restaurant.v2('GET', '/floor?historyDays=1')).body.result.guests.length,
    ]
  }
  expect(await listed(1)).toEqual([1, 1])
  expect(await listed(-1)).toEqual([0, 0])
})

test('N4: a role that may not ask gets no 304 either, and neither does a wrong input', async () => {
  const restaurant = await app.restaurant()
  const etag = (await restaurant.v2('GET', '/guests')).headers.get('etag')!
  const other = await app.restaurant()
  const headers = { 'if-none-match': etag, authorization: `Bearer ${other.token}` }
  expect((await app.call('GET', `/v2/restaurants/${restaurant.id}/guests`, undefined, headers)).status).toBe(404)
  expect((await have(restaurant, '/guests?limit=x', etag)).status).toBe(422)
  expect((await have(other, '/guests', etag)).status).toBe(200)
})

test('N5: an answer is as new as asked for, and nothing is ahead of the log', async () => {
  const restaurant = await app.restaurant()
  const { epoch, seq: start } = (await restaurant.v2('GET', '/snapshot')).body
  const made = await restaurant.v2('POST', '/guests', { firstName: 'Ada', partySize: 2 })
  const { seq } = made.body
  const guest: string = made.body.result.id
  for (const path of [...readsOf(guest), '/snapshot', `/changes?epoch=${epoch}&since=${start}`]) {
    const ask = (minSeq: string, more: Record<string, string> = {}) =>
      restaurant.v2('GET', path, undefined, { 'min-seq': minSeq, ...more })
    const good = await ask(`${seq}`)
    expect(good.status, path).toBe(200)
    const ifNoneMatch = { 'if-none-match': good.headers.get('etag')! }
    expect((await ask(`${seq}`, ifNoneMatch)).status, path).toBe(304)
    for (const more of [{}, ifNoneMatch])
      expect(await ask(`${seq + 1}`, more), path).toMatchObject({
        status: 409,
        body: { code: 'ahead-of-log', head: seq },
      })
    for (const wrong of ['-1', '1.5', '', 'x', '1e3', '9007199254740992', '99999999999999999'])
      expect(await ask(wrong), wrong).toMatchObject({ status: 422, body: { code: 'invalid-header' } })
  }
})

test('N5: a change that this process has not heard of yet is waited for', async () => {
  const restaurant = await app.restaurant()
  const etag = (await restaurant.v2('GET', '/guests')).headers.get('etag')!
  expect((await have(restaurant, '/guests', etag)).status).toBe(304)
  // As another process would: the hub of this one is told nothing.
  await app.database.sql(
    `with head as (update qtable.heads set seq = seq + 1, last_at = now() where restaurant_id = $1 returning *)
     insert into qtable.changes (restaurant_id, seq, epoch, at, command, entries)
     select restaurant_id, seq, epoch, last_at, 'test', '[]' from head`,
    [restaurant.id],
  )
  const newer = await have(restaurant, '/guests', etag, { 'min-seq': '1' })
  expect(newer.status).toBe(200)
  expect(newer.headers.get('etag')).toContain('.1.')
})

// ---------------------------------------------------------------- pages

const GUESTS = 2_000
const PAGE = 37

/** All pages of a list; `between` is done before each but the first. */
async function pagesOf(restaurant: Restaurant, path: string, between: () => Promise<unknown>): Promise<Answer[]> {
  const pages: Answer[] = []
  for (let next: string | null = ''; next !== null;) {
    if (next !== '') await between()
    const page = await restaurant.v2('GET', `${path}${next && `&cursor=${next}`}`)
    expect(page.status, page.text).toBe(200)
    pages.push(page)
    next = page.body.next
  }
  return pages
}
const idsOf = (pages: readonly Answer[]): string[] =>
  pages.flatMap(({ body }) => body.result.map(({ id }: { id: string }) => id))

for (const [path, command, input] of [
  ['/guests', 'add-guest', { firstName: 'Ada', partySize: 2 }],
  ['/reservations', 'add-reservation', { guestName: 'Ada', partySize: 2 }],
] as const)
  test(`N6: pages of ${path} give each that was there exactly once, though many share a time and more are added`, async () => {
    const restaurant = await app.restaurant()
    const add = async (n: number): Promise<string[]> => {
      const operations = Array.from({ length: n }, () => ({ command, input }))
      const { body } = await restaurant.v2('POST', '/batch', { operations })
      return body.result.results.map(({ id }: { id: string }) => id)
    }
    const initial: string[] = []
    while (initial.length < GUESTS) initial.push(...(await add(250)))
    const pages = await pagesOf(restaurant, `${path}?limit=${PAGE}`, () => add(3))
    const seen = idsOf(pages)
    expect(new Set(seen).size).toBe(seen.length)
    expect([...seen].sort()).toEqual([...initial].sort())
    expect(pages).toHaveLength(Math.ceil((GUESTS + 1) / PAGE))
    // The same by time alone loses some: that is what cursors are for.
    const { body } = await restaurant.v2('GET', `${path}?limit=${PAGE}`)
    const before = await restaurant.v2('GET', `${path}?limit=${PAGE}&before=${body.result.at(-1).createdAt}`)
    const both = await restaurant.v2('GET', `${path}?limit=${2 * PAGE}`)
    expect(idsOf([before])).not.toEqual(idsOf([both]).slice(PAGE))
  })

test('N6: a page is the last when it is not full, and a page of nothing has no next', async () => {
  const restaurant = await app.restaurant()
  for (let n = 0; n < 4; n++) await restaurant.walkIn()
  expect((await restaurant.v2('GET', '/guests')).body).toMatchObject({ next: null })
  expect((await restaurant.v2('GET', '/guests?limit=5')).body).toMatchObject({ next: null })
  expect((await restaurant.v2('GET', '/guests?limit=0')).body).toEqual({ result: [], next: null })
  const nothing = () => Promise.resolve()
  expect((await pagesOf(restaurant, '/guests?limit=2', nothing)).map(({ body }) => body.result.length)).toEqual([
    2, 2, 0,
  ])
})

test('N6: a cursor that none was given is refused', async () => {
  const restaurant = await app.restaurant()
  const at = instantOfMicros(0)
  const text = (of: string) => Buffer.from(of).toString('base64url')
  const good = cursorText({ createdAt: at, id: newId() })
  expect((await restaurant.v2('GET', `/guests?cursor=${good}`)).body).toEqual({ result: [], next: null })
  for (const cursor of [
    '',
    'nope',
    'A'.repeat(86),
    good.slice(1),
    `${good}A`,
    `${good.slice(0, -1)}${good.endsWith('B') ? 'C' : 'B'}`,
    text(`2026-13-01T00:00:00.000000Z ${newId()}`),
    text(`2026-02-30T00:00:00.000000Z ${newId()}`),
    text(`0000-01-01T00:00:00.000000Z ${newId()}`),
    text(`${at} ${newId().toUpperCase()}`),
    text(`${newId()} ${at}`),
  ]) {
    for (const path of ['/guests', '/reservations'])
      expect(await restaurant.v2('GET', `${path}?cursor=${cursor}`), cursor).toMatchObject({
        status: 422,
        body: { code: 'invalid-input', problems: [{ path: ['cursor'] }] },
      })
  }
})
