import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDevice, until } from '../../../test/devices.ts'
import { request, startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { newId } from '../../platform/ids.ts'
import type { Store } from '../../platform/redis.ts'

/** A person is forgotten: nothing of them is left anywhere. */

/** A store of answers as Redis is one. */
const kept = new Map<string, Buffer>()
const store: Store = {
  get: async (name) => kept.get(name) ?? null,
  set: (name, bytes) => void kept.set(name, bytes),
  remove(pattern) {
    const [start, end] = pattern.split('*') as [string, string]
    for (const name of kept.keys()) if (name.startsWith(start) && name.includes(end)) kept.delete(name)
  },
}

let app: TestApp
let beside: TestApp
beforeAll(async () => {
  app = await startApp({}, { store })
  beside = await startApp({}, { store, database: app.database })
})
afterAll(async () => {
  await beside.close()
  await app.close()
})

/** The tables that have any of these texts in any row, whatever the column. Every table of the database is searched. */
async function tablesWith(texts: readonly string[]): Promise<string[]> {
  const tables = await app.database.sql<{ name: string }>(
    `select 'qtable.' || quote_ident(c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'qtable' and c.relkind in ('r', 'p', 'm')`,
  )
  expect(tables.length).toBeGreaterThan(15)
  const found: string[] = []
  for (const { name } of tables) {
    const rows = await app.database.sql(
      `select row_to_json(t)::text as row from ${name} t where row_to_json(t)::text ilike any ($1::text[]) limit 1`,
      [texts.map((text) => `%${text}%`)],
    )
    if (rows.length > 0) found.push(name)
  }
  return found.sort()
}

// In every text of theirs; and what their phone and e-mail are made of.
const MARK = 'Qx7Zebra'
const WORDS = [MARK, '5550123', '55501234', '8887766']

const someone = (r: Restaurant) => {
  const key = () => ({ 'idempotency-key': newId() })
  const post = async (path: string, body: object) => {
    const answer = await r.v2('POST', path, body, key())
    expect(answer.status, answer.text).toBe(200)
    return answer.body.result
  }
  const guest = (more: object = {}) =>
    post('/guests', {
      firstName: `${MARK} first`,
      lastName: `${MARK} "last" \\ ü`,
      partySize: 2,
      notes: `${MARK} notes`,
      specialRequests: `${MARK} wish`,
      dietaryRestrictions: [`${MARK} diet`],
      ...more,
    })
  return { key, post, guest }
}

/** A person with everything that the server stores of one. */
async function livedIn(r: Restaurant): Promise<{ personId: string; current: string; deleted: string }> {
  const { key, post, guest } = someone(r)
  const [phone, email] = ['+49 30 5550123', `${MARK.toLowerCase()}@guest.example`]
  // A walk-in without a number, which is named later.
  const late = await guest()
  expect((await r.v2('PATCH', `/guests/${late.id}`, { phone }, key())).status).toBe(200)
  const current = await guest({ phone: '0049 (0)30 555 0123', email })
  const { personId } = current
  await r.v2('PATCH', `/guests/${late.id}`, { status: 'finished', force: true }, key())
  const booked = await post('/reservations', {
    guestName: `${MARK} booker`,
    contactInfo: phone,
    partySize: 2,
    notes: `${MARK} booking`,
  })
  await r.v2('PATCH', `/reservations/${booked.id}`, { specialRequests: `${MARK} later` }, key())
  // One that is deleted, one that was not linked, one that is linked by hand.
  const deleted = await guest({ phone })
  await r.v2('DELETE', `/guests/${deleted.id}`, undefined, key())
  const unlinked = await guest({ phone })
  expect((await r.v2('DELETE', `/people/${personId}/parties/${unlinked.id}`)).body.result.personId).toBeNull()
  const byHand = await guest()
  await post(`/people/${personId}/parties`, { partyId: byHand.id })
  // Facts of their own, a second record that is merged, and a merge in that one.
  const facts = { tags: [`${MARK} tag`], seatingPreference: `${MARK} seat`, notes: `${MARK} person`, isVip: true }
  await r.v2('PATCH', `/people/${personId}`, facts, key())
  const second = await post('/people', {
    firstName: `${MARK} second`,
    phone: '+43 1 8887766',
    allergies: [`${MARK} nuts`],
  })
  const third = await post('/people', { firstName: `${MARK} third`, email: `${MARK}-3@guest.example` })
  await post(`/people/${second.id}/merge`, { otherPersonId: third.id })
  await post(`/people/${personId}/merge`, { otherPersonId: second.id })
  await guest({ phone: '+43 1 8887766' })
  // Messages: one that was sent, one that waits, one to the number of a visit that is gone.
  for (const template of ['table-ready', 'waitlist-joined'])
    await post('/messages', { guestId: current.id, template, channel: 'email' })
  await app.database.sql(
    `update qtable.messages set words = $1, reference = $1 where template = 'table-ready' and restaurant_id = $2`,
    [`${MARK} words`, r.id],
  )
  await r.v2('GET', `/messages?guestId=${current.id}`)
  // Refusals and lists that tell of them.
  await r.v2('POST', `/guests/${current.id}/seat`, { tableId: await r.table('1', 1) }, key())
  await r.v2('PATCH', `/guests/${current.id}`, { notes: 'x', version: 1 }, key())
  await post('/batch', {
    operations: [{ command: 'update-guest', input: { guestId: current.id, notes: `${MARK} list` } }],
  })
  await post('/people', {}).catch(() => undefined)
  await r.v2('POST', '/people', { phone }, key())
  return { personId, current: current.id, deleted: deleted.id }
}

test('E7: no byte of the person is in any table, in the log, in kept answers or in a floor in memory', async () => {
  const r = await app.restaurant()
  const bystander = (await r.v2('POST', '/guests', { firstName: 'Bo', partySize: 2, phone: '+49 30 1112223' })).body
    .result
  const other = await app.restaurant()
  const theirs = (await other.v2('POST', '/guests', { firstName: 'Ida', partySize: 1, phone: '+49 30 5550199' })).body
    .result
  const device = await openTestDevice(app, r)
  const { client } = device
  client.start()
  await until(client, () => client.status === 'live')
  const { personId, current } = await livedIn(r)
  const before = (await r.v2('GET', '/snapshot')).body
  const processes = [app, beside]
  const authorization = { authorization: `Bearer ${r.token}` }
  const read = (of: TestApp, path: string) => request(of.base, 'GET', path, undefined, authorization)
  const reads = ['/guests', '/dashboard-data?minimal=false', '/reservations'].map(
    (path) => `/restaurants/${r.id}${path}`,
  )
  for (const of of processes) for (const path of [...reads, `/v2/restaurants/${r.id}/snapshot`]) await read(of, path)
  await expect.poll(() => [...kept.values()].some((bytes) => bytes.includes(MARK)), { timeout: 30_000 }).toBe(true)
  expect(await tablesWith(WORDS)).toEqual(
    expect.arrayContaining(
      [
        'guests',
        'reservations',
        'people',
        'person_keys',
        'people_index',
        'person_merges',
        'changes',
        'mutations',
        'messages',
      ].map((name) => `qtable.${name}`),
    ),
  )
  const logBefore = await app.database.sql(
    `select seq, at, epoch, command, mutation_id, actor_id, json_array_length(entries) as n from qtable.changes where restaurant_id = $1 order by seq`,
    [r.id],
  )

  const erased = await r.v2('DELETE', `/people/${personId}`, undefined, { 'idempotency-key': newId() })
  expect(erased.body).toMatchObject({ result: { erased: true }, seq: before.seq + 1 })
  expect(erased.body.result.visits).toBeGreaterThan(5)
  expect(await tablesWith(WORDS)).toEqual([])
  // The log is the same but for the values.
  const logAfter = await app.database.sql(
    `select seq, at, epoch, command, mutation_id, actor_id, json_array_length(entries) as n from qtable.changes where restaurant_id = $1 and seq <= $2 order by seq`,
    [r.id, before.seq],
  )
  expect(logAfter).toEqual(logBefore)

  // Devices learn by a change; one that was away gets the same, and hashes agree.
  await until(client, () => client.confirmed.seq >= erased.body.seq)
  const known = client.floor.get('guest', current)
  expect(known).toMatchObject({
    firstName: 'Guest',
    lastName: '',
    phone: null,
    email: null,
    notes: null,
    personId: null,
    person: null,
  })
  const fresh = (await r.v2('GET', '/snapshot')).body
  expect(client.confirmed.hash()).toBe(fresh.hash)
  // The process beside learns of it within two seconds; whoever names the change waits for it.
  const asNew = { ...authorization, 'min-seq': String(erased.body.seq) }
  const readNew = (of: TestApp, path: string) => request(of.base, 'GET', path, undefined, asNew)
  for (const of of processes) {
    const native = ['snapshot', `changes?epoch=${before.epoch}&since=0`].map(
      (path) => `/v2/restaurants/${r.id}/${path}`,
    )
    for (const path of [...native, ...reads]) {
      const { status, text } = await readNew(of, path)
      expect(status, path).toBe(200)
      for (const word of WORDS) expect(text.toLowerCase(), path).not.toContain(word.toLowerCase())
    }
    // Nothing is kept of what was told before.
    expect(of.app.floors.now(r.id)?.after(before.seq - 1) ?? null).toBeNull()
  }
  await expect.poll(() => [...kept.values()].some((bytes) => bytes.includes(MARK)), { timeout: 30_000 }).toBe(false)
  // Nobody else was touched.
  expect((await r.v2('GET', `/guests/${bystander.id}`)).body.result).toEqual(bystander)
  expect((await other.v2('GET', `/guests/${theirs.id}`)).body.result).toEqual(theirs)
  expect((await r.v2('GET', `/people/${personId}`)).status).toBe(404)
  expect((await r.v2('DELETE', `/people/${personId}`)).status).toBe(404)
  await client.close()
})

test('E7: a repeat of an earlier request is answered without the person, and the phone is free again', async () => {
  const r = await app.restaurant()
  const headers = { 'idempotency-key': newId() }
  const body = { firstName: MARK, partySize: 2, phone: '+49 30 5550123' }
  const made = (await r.v2('POST', '/guests', body, headers)).body.result
  await r.v2('DELETE', `/people/${made.personId}`)
  const again = await r.v2('POST', '/guests', body, headers)
  expect(again.body.result).toMatchObject({ id: made.id, firstName: 'Guest', phone: null, personId: null })
  const fresh = (await r.v2('POST', '/guests', body)).body.result
  expect(fresh.personId).not.toBe(made.personId)
  await r.v2('DELETE', `/people/${fresh.personId}`)
  expect(await tablesWith(WORDS)).toEqual([])
})

test('E8: everything that is stored of a person can be exported', async () => {
  const r = await app.restaurant()
  const { personId } = await livedIn(r)
  const { status, body } = await r.v2('GET', `/people/${personId}/export`)
  expect(status).toBe(200)
  expect(body.result).toMatchObject({ person: { id: personId, tags: [`${MARK} tag`] }, merged: [{}, {}] })
  expect(body.result.keys).toEqual([
    'mailto:qx7zebra-3@guest.example',
    'mailto:qx7zebra@guest.example',
    'tel:+4318887766',
    'tel:+49305550123',
  ])
  expect(body.result.guests.map(({ firstName }: { firstName: string }) => firstName)).toEqual(
    Array.from({ length: 4 }, () => `${MARK} first`),
  )
  expect(body.result.reservations).toMatchObject([{ guestName: `${MARK} booker`, notes: `${MARK} booking` }])
})
