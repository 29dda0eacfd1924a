import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDevice, startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import { newId } from '../../src/platform/ids.ts'
import { commands, floorReads, nativeRoutes, queries, routes } from '../../src/app.ts'
import {
  addressOf,
  colleague,
  entityOf,
  goodBody,
  idFieldsOf,
  idOf,
  isDone,
  operations,
  pathOf,
  plain,
  queryOf,
  queryText,
  Raw,
  tells,
  TELLS,
  titleOf,
  withValue,
  type Field,
  type Ids,
  type Kind,
  type Operation,
} from './operations.ts'
import { openEars, openWitness, TOLD_OF, type Ears, type Witness } from './witness.ts'

/** One restaurant tries everything it can name of another. Iterates what app.ts lists, so a new route is tried by being listed. */

let app: TestApp
let witness: Witness
let mine: Restaurant
let theirs: Restaurant
let theirEars: Ears
let theirIds: Record<string, string[]>
let secrets: string[]
const checked: Record<string, number> = {}
const count = (what: string) => (checked[what] = (checked[what] ?? 0) + 1)

const MARK = 'Zq7Mark'

beforeAll(async () => {
  app = await startApp()
  witness = await openWitness(app)
  mine = await app.restaurant('Mine')
  theirs = await app.restaurant(`${MARK} Rival`)
  await furnish(mine, 'Own')
  const gone = await furnish(theirs, MARK)
  theirEars = await openEars(app, theirs)
  await theirEars.heardNothing()
  const known = await witness.idsOf(theirs.id)
  theirIds = { ...known, restaurant: [theirs.id], staff: [theirs.staffId, ...known.staff], gone: [gone] }
  const own = textsOf(await witness.rowsOf(mine.id))
  secrets = [...textsOf(await witness.rowsOf(theirs.id))].filter((text) => text.length >= 6 && !own.has(text))
})
afterAll(async () => {
  process.stdout.write(`isolation: ${JSON.stringify(checked)}, ${secrets.length} secrets looked for in every answer\n`)
  await witness.close()
  await app.close()
})

/**
 * Two free tables, one taken by a seated party, one by a reservation; a waiting and a finished guest, an expected and a cancelled reservation; a
 * mark in every text there is. Gives the id of a guest that was deleted.
 */
async function furnish(restaurant: Restaurant, mark: string): Promise<string> {
  const table = (n: number) => ({
    number: `${mark} ${n}`,
    capacity: 6,
    x: 0.25,
    y: 0.75,
    section: `${mark} section ${n}`,
  })
  const guest = (n: number, more: object) => ({
    firstName: `${mark} first ${n}`,
    lastName: `${mark} last ${n}`,
    partySize: 3,
    email: `${mark.toLowerCase()}-${n}@guest.example`,
    phone: `+49 ${mark} ${n}`,
    notes: `${mark} notes ${n}`,
    specialRequests: `${mark} requests ${n}`,
    dietaryRestrictions: [`${mark} diet ${n}`],
    ...more,
  })
  const made = async (path: string, body: object) => {
    const answer = await restaurant.v2('POST', path, body, {
      'idempotency-key': `${mark} ${newId()}`,
      'x-device': `${mark} device`,
    })
    expect(answer.status, answer.text).toBe(200)
    return answer.body.result.id as string
  }
  await made('/tables', table(1))
  await made('/tables', table(2))
  const taken = await made('/tables', table(3))
  await made('/guests', guest(1, {}))
  await made('/guests', guest(2, { status: 'seated', tableId: taken }))
  await made('/guests', guest(3, { status: 'finished' }))
  const reservation = (n: number, more: object) => ({
    guestName: `${mark} booker ${n}`,
    contactInfo: `+43 ${mark} ${n}`,
    email: `${mark.toLowerCase()}-booker-${n}@guest.example`,
    partySize: 4,
    reservationTime: `2026-12-${10 + n}T18:30:00.123456Z`,
    source: `${mark} source ${n}`,
    notes: `${mark} booking ${n}`,
    specialRequests: `${mark} wishes ${n}`,
    ...more,
  })
  const held = await made('/tables', table(4))
  const holder = await made('/reservations', reservation(1, {}))
  const holds = await restaurant.v2('PATCH', `/reservations/${holder}`, { tableId: held })
  expect(holds.status, holds.text).toBe(200)
  await made('/reservations', reservation(2, { status: 'confirmed' }))
  await made('/reservations', reservation(3, { status: 'cancelled' }))
  await made('/staff', {
    email: `${mark.toLowerCase()}-host@guest.example`,
    password: `${mark} password`,
    role: 'host',
    firstName: `${mark} host`,
    lastName: `${mark} of the house`,
  })
  await restaurant.signIn(`${mark} iPad`)
  const gone = await made('/guests', guest(4, {}))
  expect((await restaurant.v2('DELETE', `/guests/${gone}`)).status).toBe(200)
  return gone
}

/** Every text anywhere in some rows. */
function textsOf(value: unknown, into = new Set<string>()): Set<string> {
  if (typeof value === 'string') into.add(value)
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) textsOf(each, into)
  return into
}

const pathIds = (op: Operation) => Object.keys(pathOf(op, NOWHERE))
const NOWHERE: Ids = { restaurant: newId(), guest: newId(), table: newId(), reservation: newId(), staff: newId() }
/** Operations that name their restaurant, in the path or in the query. */
const withRestaurant = operations.filter(({ access }) => access === 'restaurant' || access === 'query')
const secured = operations.filter(({ isPublic }) => !isPublic)

let plans = 0

interface Sent {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A request with ids in path and query that are there, but for what is said otherwise. */
function send(op: Operation, token: string, ids: Ids, { params, query, body }: Sent = {}): Promise<Answer> {
  const text = body === undefined ? undefined : Raw.write(body)
  const address = addressOf(op, { ...pathOf(op, ids), ...params }, queryText({ ...queryOf(op, ids), ...query }))
  return app.call(op.method, address, text, { authorization: `Bearer ${token}` })
}

const bodyOf = (op: Operation, ids: Ids, field?: Field, id?: string): unknown => op.body && goodBody(op, ids, field, id)

/** An answer without what differs from request to request, and without the id that was sent. */
function plainAnswer({ status, headers, text }: Answer, sent: string): object {
  const body = text
    .replaceAll(sent, '<sent>')
    .replace(/"requestId":"[^"]+"/, '"requestId":"<request>"')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?/g, '<time>')
    .replace(/pla(n|in) \d+/g, '<plan>')
    // The place in one's own log.
    .replace(/"seq":\d+/, '"seq":"<seq>"')
  return {
    status,
    type: headers.get('content-type'),
    challenge: headers.get('www-authenticate'),
    allow: headers.get('allow'),
    body,
  }
}

/** Not one byte of theirs, but for the id that was sent. */
function expectNothingOfTheirs({ text, headers }: Answer, sent: readonly string[]): void {
  const all = `${text}\n${JSON.stringify([...headers])}`
  const found = secrets.filter((secret) => !sent.includes(secret) && all.includes(secret))
  expect(found).toEqual([])
  expect(all).not.toContain(MARK)
}

/** Whether an answer to unknown ids in a body is a refusal: 4xx, or a list's own word of what was not found. */
const refuses = (op: Operation, answer: Answer): boolean =>
  (answer.status >= 400 && answer.status < 500) || tells(op, answer)

/**
 * Both restaurants must be as they were when everything was tried, and their sockets must have heard nothing. A list that could do nothing leaves an empty
 * change in the log of its own restaurant, and what a transaction id was answered.
 */
async function unchanged(op: Operation, work: () => Promise<void>): Promise<void> {
  const except = TELLS.includes(op.name) ? TOLD_OF : []
  const look = async () => [await witness.everythingOf(theirs.id), await witness.everythingOf(mine.id, except)]
  await theirEars.attend()
  const [before, log] = [await look(), await witness.seqOf(mine.id)]
  await work()
  expect(await look()).toEqual(before)
  const left = await witness.changesAfter(mine.id, log)
  expect(left.filter(({ touched }) => touched > 0)).toEqual([])
  await theirEars.heardNothing()
}

const colleagues = new Map<string, string>()

async function freshIds(restaurant: Restaurant): Promise<Ids> {
  const number = `fresh ${++plans}`
  const staff = colleagues.get(restaurant.id) ?? (await colleague(restaurant))
  colleagues.set(restaurant.id, staff)
  return {
    staff,
    restaurant: restaurant.id,
    guest: await restaurant.walkIn('Fresh', 2),
    table: await restaurant.table(number, 8),
    reservation: (await restaurant.v2('POST', '/reservations', { guestName: 'Fresh', partySize: 2 })).body.result.id,
    new: newId(),
  }
}

/** The same request with ids of one's own is done: without that, a refusal shows nothing. */
async function expectDoneWithOwn(op: Operation, field?: Field & { readonly kind: Kind }): Promise<void> {
  const ids = await freshIds(mine)
  const body = () => bodyOf(op, ids, field, field && idOf(ids, field.kind))
  const first = await send(op, mine.token, ids, { body: body() })
  if (isDone(op, first)) return
  // Some need a party that has a table already.
  const seated = await mine.v2('POST', `/guests/${ids.guest}/seat`, { tableId: await mine.table(`own ${++plans}`, 8) })
  expect(seated.status).toBe(200)
  const second = await send(op, mine.token, ids, { body: body() })
  expect(isDone(op, second), `${titleOf(op)} ${field?.place.join('.') ?? ''}: ${first.text} ${second.text}`).toBe(true)
}

test('N3: every route, command and query of app.ts is tried here', () => {
  const names = [...routes, ...nativeRoutes, ...commands, ...queries, ...floorReads].map(({ name }) => name)
  expect(operations.map(({ name }) => name).sort()).toEqual(names.sort())
  const naming = routes.filter(({ access }) => access === 'restaurant' || access === 'query')
  expect(withRestaurant.map(({ name }) => name).sort()).toEqual(
    [...naming, ...commands, ...queries, ...floorReads].map(({ name }) => name).sort(),
  )
  // Each says it where its access says: in the path, or in the query.
  for (const op of withRestaurant) {
    const places = op.parameters.filter(({ name }) => entityOf(name, op) === 'restaurant').map(({ in: where }) => where)
    expect(places, titleOf(op)).toEqual([op.access === 'query' ? 'query' : 'path'])
  }
})

describe('N3, P7, W2: another restaurant in the path or the query', () => {
  for (const op of withRestaurant) {
    test(`N3, P7: ${titleOf(op)}`, async () => {
      const ownIds = await freshIds(mine)
      const named = {
        guest: theirIds['guest']![1]!,
        table: theirIds['table']![1]!,
        reservation: theirIds['reservation']![0]!,
      }
      await unchanged(op, async () => {
        for (const [token, restaurant] of [
          [mine.token, theirs.id],
          [theirs.token, mine.id],
        ] as const) {
          for (const ids of [ownIds, { ...ownIds, ...named }]) {
            const sentIds = [restaurant, ids.guest, ids.table, ids.reservation]
            for (const body of op.body ? [bodyOf(op, ids), { made: 'up' }, undefined] : [undefined]) {
              const foreign = await send(op, token, { ...ids, restaurant }, { body })
              const nowhere = newId()
              const unknown = await send(op, token, { ...ids, restaurant: nowhere }, { body })
              expect(foreign.status).toBe(op.door === 'ios' ? 403 : 404)
              expect(plainAnswer(foreign, restaurant)).toEqual(plainAnswer(unknown, nowhere))
              // To them their own restaurant is no secret; to me nothing of theirs may be shown.
              if (token === mine.token) expectNothingOfTheirs(foreign, sentIds)
              count(`foreign restaurants in ${op.access === 'query' ? 'queries' : 'paths'}`)
            }
          }
        }
      })
    })
  }
})

describe("N3, P7, W2: another restaurant's entity in the path", () => {
  for (const op of withRestaurant) {
    for (const name of pathIds(op).filter((each) => each !== 'restaurantId')) {
      test(`N3, P7: ${name} of ${titleOf(op)}`, async () => {
        await expectDoneWithOwn(op)
        const ids = await freshIds(mine)
        await unchanged(op, async () => {
          const ask = (id: string) => send(op, mine.token, ids, { params: { [name]: id }, body: bodyOf(op, ids) })
          const nowhere = newId()
          const unknown = await ask(nowhere)
          expect(unknown.status).toBe(404)
          for (const id of Object.values(theirIds).flat()) {
            const foreign = await ask(id)
            expect(plainAnswer(foreign, id)).toEqual(plainAnswer(unknown, nowhere))
            expectNothingOfTheirs(foreign, [id])
            count('foreign entities in paths')
          }
        })
      })
    }
  }
})

describe("N3, P7, W2: another restaurant's entity in the body, in whatever item of whatever list", () => {
  for (const op of secured) {
    for (const field of idFieldsOf(op).filter(({ kind }) => kind !== 'new')) {
      test(`N3, P7: ${field.place.join('.')} of ${titleOf(op)}`, async () => {
        await expectDoneWithOwn(op, field)
        const ids = await freshIds(mine)
        const seated = await freshIds(mine)
        await mine.v2('POST', `/guests/${seated.guest}/seat`, { tableId: seated.table })
        await unchanged(op, async () => {
          for (const own of [ids, { ...ids, guest: seated.guest }]) {
            const ask = (id: string) => send(op, mine.token, own, { body: bodyOf(op, own, field, id) })
            const nowhere = newId()
            const unknown = await ask(nowhere)
            expect(refuses(op, unknown), unknown.text).toBe(true)
            for (const id of Object.values(theirIds).flat()) {
              const foreign = await ask(id)
              expect(plainAnswer(foreign, id)).toEqual(plainAnswer(unknown, nowhere))
              expectNothingOfTheirs(foreign, [id])
              count(`foreign entities in ${TELLS.includes(op.name) || op.name === 'run-batch' ? 'lists' : 'bodies'}`)
            }
          }
        })
      })
    }
  }

  // One bad item among good ones: whatever is told of it, or done of the rest, is the same for a foreign id as for an unknown one.
  for (const [name, list, good, bad] of [
    ['batchUpdate', 'guests', (id: string) => ({ id, partySize: 3 }), (id: string) => ({ id, status: 'Seated' })],
    ['syncBatch', 'updates', syncGuest, (id: string) => ({ ...syncGuest(id), entity_type: 'table' })],
    ['run-each', 'operations', updateGuest, (id: string) => ({ command: 'clear-table', input: { tableId: id } })],
  ] as const) {
    test(`N3, B2: one foreign item among good ones: ${name}`, async () => {
      const op = operations.find((each) => each.name === name)!
      const [first, second] = [await freshIds(mine), await freshIds(mine)]
      await theirEars.attend()
      const before = await witness.everythingOf(theirs.id)
      const ask = (id: string) => {
        const body = withValue(op.body!, plain(op.body!), [list], [good(first.guest), bad(id), good(second.guest)])
        return send(op, mine.token, first, { body })
      }
      const nowhere = newId()
      // What is done of the rest is done again each time.
      const still = (answer: Answer, id: string) =>
        plainAnswer({ ...answer, text: answer.text.replace(/"version":\d+/g, '"version":"<version>"') }, id)
      const unknown = still(await ask(nowhere), nowhere)
      for (const id of Object.values(theirIds).flat()) {
        const foreign = await ask(id)
        expect([foreign.status, tells(op, foreign)]).toEqual([200, true])
        expect(still(foreign, id)).toEqual(unknown)
        expectNothingOfTheirs(foreign, [id])
        count('foreign items among good ones')
      }
      expect(await witness.everythingOf(theirs.id)).toEqual(before)
      await theirEars.heardNothing()
    })
  }
})

const syncGuest = (id: string) => ({ entity_type: 'guest', entity_id: id, data: {} })
const updateGuest = (id: string) => ({ command: 'update-guest', input: { guestId: id, partySize: 3 } })

describe('N3, P6: an id that a client makes, which another restaurant has already', () => {
  for (const op of secured) {
    for (const field of idFieldsOf(op).filter(({ kind }) => kind === 'new')) {
      test(`N3, P6: ${field.place.join('.')} of ${titleOf(op)} is as good as a fresh one`, async () => {
        // A restaurant of its own: what it has afterwards has ids of theirs, by its own will.
        const twin = await app.restaurant('Twin')
        const ids = { ...NOWHERE, restaurant: twin.id }
        const twinEars = await openEars(app, twin)
        await theirEars.attend()
        const before = await witness.everythingOf(theirs.id)
        const ask = (id: string) => send(op, twin.token, ids, { body: bodyOf(op, ids, field, id) })
        const nowhere = newId()
        const fresh = await ask(nowhere)
        expect(isDone(op, fresh), fresh.text).toBe(true)
        expect(fresh.text).toContain(nowhere)
        for (const id of Object.values(theirIds).flat()) {
          await twinEars.attend()
          const same = await ask(id)
          expect(plainAnswer(same, id)).toEqual(plainAnswer(fresh, nowhere))
          expectNothingOfTheirs(same, [id])
          // Once it is one's own, it is taken: that is one's own matter.
          const again = await ask(id)
          expect(refuses(op, again), again.text).toBe(true)
          expect(again.text).toMatch(/in use/)
          expectNothingOfTheirs(again, [id])
          count('ids of theirs made again')
        }
        const mineNow = Object.values(await witness.idsOf(twin.id)).flat()
        expect(mineNow.filter((id) => id !== nowhere)).toEqual(
          expect.arrayContaining([...new Set(Object.values(theirIds).flat())]),
        )
        expect(await witness.everythingOf(theirs.id)).toEqual(before)
        await theirEars.heardNothing()
      })
    }
  }

  test('N3, P6: and which is then one of two, each changed and deleted by its own restaurant only', async () => {
    const twin = await app.restaurant('Twin')
    const rival = await app.restaurant('Rival')
    const [guest, table] = [newId(), newId()]
    const body = { id: guest, firstName: 'Ada', partySize: 2 }
    const plan = { id: table, number: '1', capacity: 4, x: 0, y: 0 }
    for (const each of [rival, twin]) {
      expect((await each.v2('POST', '/guests', body)).status).toBe(200)
      expect((await each.v2('POST', '/tables', plan)).status).toBe(200)
    }
    const rivalEars = await openEars(app, rival)
    const before = await witness.everythingOf(rival.id)
    for (const [method, path, sent] of [
      ['POST', `/guests/${guest}/seat`, { tableId: table }],
      ['PATCH', `/guests/${guest}`, { firstName: 'Bea' }],
      ['PATCH', `/tables/${table}`, { capacity: 9 }],
      ['POST', `/tables/${table}/clear`, {}],
      ['DELETE', `/tables/${table}`, undefined],
      ['DELETE', `/guests/${guest}`, undefined],
    ] as const)
      expect((await twin.v2(method, path, sent)).status, `${method} ${path}`).toBe(200)
    expect(await witness.everythingOf(rival.id)).toEqual(before)
    await rivalEars.heardNothing()
    expect((await rival.call('GET', `/guests/${guest}`)).body).toMatchObject({ firstName: 'Ada', status: 'Waitlist' })
    expect((await twin.call('GET', `/guests/${guest}`)).status).toBe(404)
    // A tombstone counts where it stands: used up here, alive there.
    expect((await twin.v2('POST', '/guests', body)).body).toMatchObject({ code: 'id-taken' })
  })
})

test('N3: whatever is asked with an own token shows nothing of another restaurant', async () => {
  for (const op of operations) {
    const ids = await freshIds(mine)
    const answer = await send(op, mine.token, ids, { body: bodyOf(op, ids) })
    expectNothingOfTheirs(answer, [])
    count('own answers')
  }
  // The secrets are such that their owner does see them: looking for them can fail.
  const theirEpoch: string = (await theirs.v2('GET', '/snapshot')).body.epoch
  for (const [door, path] of [
    ['call', '/guests'],
    ['v2', '/tables'],
    ['call', '/reservations'],
    ['v2', '/reservations'],
    ['v2', '/floor'],
    ['v2', '/snapshot'],
    ['v2', `/changes?epoch=${theirEpoch}&since=0`],
    ['call', '/dashboard-data'],
  ] as const) {
    const seen = await theirs[door]('GET', path)
    expect(() => expectNothingOfTheirs(seen, []), path).toThrow(/Zq7Mark|to deeply equal/)
  }
})

describe('W1, W2, N3: sockets of another restaurant', () => {
  for (const path of ['/realtime', '/ws/restaurant/sync']) {
    test(`W1, N3: ${path} is refused with 403 before the upgrade`, async () => {
      for (const id of [theirs.id, newId(), 'nope', theirs.id.toUpperCase()]) {
        const query = `${path}?restaurant_id=${id}`
        await expect(openDevice(app.base, `${query}&token=${mine.token}`)).rejects.toThrow('refused with 403')
        const headers = { authorization: `Bearer ${mine.token}` }
        await expect(openDevice(app.base, query, { headers })).rejects.toThrow('refused with 403')
        count('sockets refused')
      }
      const own = await openDevice(app.base, `${path}?restaurant_id=${mine.id}&token=${mine.token}`)
      await own.close()
    })

    test(`W1, N3: ${path} is closed with 4401 when the first message's token is another restaurant's, and hears nothing before`, async () => {
      for (const id of [theirs.id, newId()]) {
        const device = await openDevice(app.base, `${path}?restaurant_id=${id}`, { wait: false })
        await theirs.table(`heard ${++plans}`)
        device.ws.send(JSON.stringify({ type: 'authenticate', token: mine.token }))
        expect(await device.closed).toBe(4401)
        expect(device.messages).toEqual([])
        count('sockets closed')
      }
    })
  }

  const streamOf = (id: string, token?: string) =>
    openDevice(app.base, `/v2/restaurants/${id}/stream`, {
      wait: false,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    })

  test('F4, N3: the stream of another restaurant is refused with 404 before the upgrade, like one that is not there', async () => {
    for (const id of [theirs.id, newId()]) {
      await expect(streamOf(id, mine.token)).rejects.toThrow('refused with 404')
      count('sockets refused')
    }
    const own = await streamOf(mine.id, mine.token)
    await own.close()
  })

  test("F4, N3: a stream is closed with 4403 when its hello's token is another restaurant's, and hears nothing before", async () => {
    const { epoch, seq, at } = (await theirs.v2('GET', '/snapshot')).body
    for (const id of [theirs.id, newId()]) {
      for (const place of [{}, { epoch, since: 0 }, { epoch, since: seq, at }]) {
        const device = await streamOf(id)
        await theirs.table(`heard ${++plans}`)
        device.ws.send(JSON.stringify({ type: 'hello', token: mine.token, ...place }))
        expect(await device.closed).toBe(4403)
        expect(device.messages).toEqual([])
        count('sockets closed')
      }
    }
  })

  test('F4, N3: a stream that has entered with an own token hears nothing of another restaurant, not even from its place in the log', async () => {
    const { epoch, seq } = (await theirs.v2('GET', '/snapshot')).body
    const places = [{}, { epoch, since: 0 }, { epoch, since: seq }]
    for (const place of places) {
      const device = await streamOf(mine.id, mine.token)
      device.ws.send(JSON.stringify({ type: 'hello', ...place }))
      await device.until((heard) => heard.some(({ type }) => type === 'snapshot'))
      await theirs.walkIn(`${MARK} loud`)
      const own = await mine.table(`quiet ${++plans}`)
      await device.until((heard) => heard.some((each) => JSON.stringify(each).includes(own)))
      const text = device.messages.map((each) => JSON.stringify(each)).join('\n')
      expect(device.messages.map(({ type }) => type).filter((type) => type !== 'heartbeat')).toEqual([
        'resync',
        'snapshot',
        'changes',
      ])
      expectNothingOfTheirs({ status: 200, headers: new Headers(), text, body: null }, [])
      // A token of another restaurant on a socket that is in: out, at once.
      device.ws.send(JSON.stringify({ type: 'hello', token: theirs.token, ...place }))
      expect(await device.closed).toBe(4403)
      expect(device.messages.filter(({ type }) => type === 'snapshot')).toHaveLength(1)
      count('sockets that heard their own')
    }
  })

  test('W2, N3: a socket hears its own restaurant and nothing of another', async () => {
    const mineEars = await openEars(app, mine)
    await theirs.table(`${MARK} loud`)
    await theirs.walkIn(`${MARK} loud`)
    await mineEars.heardNothing()
  })
})
