import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDevice, startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import { newId } from '../../src/platform/ids.ts'
import { commands, queries, routes } from '../../src/app.ts'
import {
  addressOf,
  entityOf,
  fieldsOf,
  operations,
  plain,
  Raw,
  titleOf,
  withIds,
  withValue,
  type Field,
  type Operation,
} from './operations.ts'
import { openEars, openWitness, type Ears, type Witness } from './witness.ts'

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
  await furnish(theirs, MARK)
  theirEars = await openEars(theirs)
  await theirEars.heardNothing()
  const { guest, table } = await witness.idsOf(theirs.id)
  theirIds = { guest, table, restaurant: [theirs.id], staff: [theirs.staffId] }
  const own = textsOf(await witness.rowsOf(mine.id))
  secrets = [...textsOf(await witness.rowsOf(theirs.id))].filter((text) => text.length >= 6 && !own.has(text))
})
afterAll(async () => {
  process.stdout.write(`isolation: ${JSON.stringify(checked)}, ${secrets.length} secrets looked for in every answer\n`)
  await witness.close()
  await app.close()
})

/** Two free tables, one taken by a seated party, one waiting and one finished guest; a mark in every text there is. */
async function furnish(restaurant: Restaurant, mark: string): Promise<void> {
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
}

/** Every text anywhere in some rows. */
function textsOf(value: unknown, into = new Set<string>()): Set<string> {
  if (typeof value === 'string') into.add(value)
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) textsOf(each, into)
  return into
}

const pathIds = (op: Operation) => op.parameters.filter(({ in: where }) => where === 'path').map(({ name }) => name)
const withRestaurant = operations.filter((op) => pathIds(op).includes('restaurantId'))
const idFields = (op: Operation): Field[] =>
  (op.body ? fieldsOf(op.body) : []).filter(({ name }) => entityOf(name, op) !== undefined)

/** What an operation's plainest body needs besides its required fields before a field that names something counts. */
const NEEDED: Record<string, object> = {
  guestsCreate: { status: 'Seated' },
  tablesBulk: { table_number: 'plan' },
  'arrange-tables': { number: 'plan' },
}

interface Ids {
  readonly restaurant: string
  readonly guest: string
  readonly table: string
}

let plans = 0

/** A body that would be taken, naming only what `ids` says, with `id` in one field. */
function bodyOf(op: Operation, ids: Ids, field?: Field, id?: string): unknown {
  if (!op.body) return undefined
  const body = withIds(op, plain(op.body), { ...ids })
  if (!field) return body
  const item = field.place.slice(0, -1)
  const needed = Object.entries(NEEDED[op.name] ?? {}).map(([name, value]) => [
    name,
    String(value) === 'plan' ? `plan ${++plans}` : (value as unknown),
  ])
  const filled = needed.reduce<unknown>(
    (made, [name, value]) => withValue(op.body!, made, [...item, name as string], value),
    body,
  )
  return withValue(op.body, filled, field.place, id)
}

function send(op: Operation, token: string, params: Record<string, string>, body: unknown): Promise<Answer> {
  const text = body === undefined ? undefined : Raw.write(body)
  return app.call(op.method, addressOf(op, params), text, { authorization: `Bearer ${token}` })
}

const paramsOf = (op: Operation, ids: Ids): Record<string, string> =>
  Object.fromEntries(
    pathIds(op).map((name) => [name, name === 'restaurantId' ? ids.restaurant : ids[entityOf(name, op) as keyof Ids]]),
  )

/** An answer without what differs from request to request, and without the id that was sent. */
function plainAnswer({ status, headers, text }: Answer, sent: string): object {
  const body = text
    .replaceAll(sent, '<sent>')
    .replace(/"requestId":"[^"]+"/, '"requestId":"<request>"')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?/g, '<time>')
    .replace(/plan \d+/g, '<plan>')
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

/** Whether an answer to unknown ids in a body is a refusal: 4xx, or a batch's list of what was not found. */
const refuses = ({ status, body }: Answer): boolean =>
  (status >= 400 && status < 500) || (status === 200 && body.success === false)

/** Both restaurants must be as they were when everything was tried, and their sockets must have heard nothing. */
async function unchanged(work: () => Promise<void>): Promise<void> {
  await theirEars.attend()
  const before = [await witness.rowsOf(theirs.id), await witness.rowsOf(mine.id)]
  await work()
  expect([await witness.rowsOf(theirs.id), await witness.rowsOf(mine.id)]).toEqual(before)
  await theirEars.heardNothing()
}

async function freshIds(restaurant: Restaurant): Promise<Ids> {
  const number = `fresh ${++plans}`
  return {
    restaurant: restaurant.id,
    guest: await restaurant.walkIn('Fresh', 2),
    table: await restaurant.table(number, 8),
  }
}

/** The same request with ids of one's own is done: without that, a refusal shows nothing. */
async function expectDoneWithOwn(op: Operation, field?: Field): Promise<void> {
  const ids = await freshIds(mine)
  const id = field && ids[entityOf(field.name, op) as keyof Ids]
  const first = await send(op, mine.token, paramsOf(op, ids), bodyOf(op, ids, field, id))
  if (first.status === 200) return
  // Some need a party that has a table already.
  const seated = await mine.v2('POST', `/guests/${ids.guest}/seat`, { tableId: await mine.table(`own ${++plans}`, 8) })
  expect(seated.status).toBe(200)
  const second = await send(op, mine.token, paramsOf(op, ids), bodyOf(op, ids, field, id))
  expect(second.status, `${titleOf(op)} ${field?.place.join('.') ?? ''}: ${first.text} ${second.text}`).toBe(200)
}

test('N3: every route, command and query of app.ts is tried here', () => {
  const names = [...routes, ...commands, ...queries].map(({ name }) => name)
  expect(operations.map(({ name }) => name).sort()).toEqual(names.sort())
  const inRestaurants = [...routes.filter(({ access }) => access === 'restaurant'), ...commands, ...queries]
  expect(withRestaurant.map(({ name }) => name).sort()).toEqual(inRestaurants.map(({ name }) => name).sort())
})

describe('N3, P7, W2: another restaurant in the path', () => {
  for (const op of withRestaurant) {
    test(`N3, P7: ${titleOf(op)}`, async () => {
      const ownIds = await freshIds(mine)
      await unchanged(async () => {
        for (const [token, restaurant] of [
          [mine.token, theirs.id],
          [theirs.token, mine.id],
        ] as const) {
          for (const named of [ownIds, { ...ownIds, guest: theirIds['guest']![1]!, table: theirIds['table']![1]! }]) {
            const sentIds = [restaurant, named.guest, named.table]
            for (const body of op.body ? [bodyOf(op, named), { made: 'up' }, undefined] : [undefined]) {
              const foreign = await send(op, token, paramsOf(op, { ...named, restaurant }), body)
              const nowhere = newId()
              const unknown = await send(op, token, paramsOf(op, { ...named, restaurant: nowhere }), body)
              expect(foreign.status).toBe(op.door === 'ios' ? 403 : 404)
              expect(plainAnswer(foreign, restaurant)).toEqual(plainAnswer(unknown, nowhere))
              // To them their own restaurant is no secret; to me nothing of theirs may be shown.
              if (token === mine.token) expectNothingOfTheirs(foreign, sentIds)
              count('foreign restaurants in paths')
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
        await unchanged(async () => {
          const ask = (id: string) => send(op, mine.token, { ...paramsOf(op, ids), [name]: id }, bodyOf(op, ids))
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

describe("N3, P7, W2: another restaurant's entity in the body", () => {
  for (const op of withRestaurant) {
    for (const field of idFields(op)) {
      test(`N3, P7: ${field.place.join('.')} of ${titleOf(op)}`, async () => {
        await expectDoneWithOwn(op, field)
        const ids = await freshIds(mine)
        const seated = await freshIds(mine)
        await mine.v2('POST', `/guests/${seated.guest}/seat`, { tableId: seated.table })
        await unchanged(async () => {
          for (const own of [ids, { ...ids, guest: seated.guest }]) {
            const ask = (id: string) => send(op, mine.token, paramsOf(op, own), bodyOf(op, own, field, id))
            const nowhere = newId()
            const unknown = await ask(nowhere)
            expect(refuses(unknown), unknown.text).toBe(true)
            for (const id of Object.values(theirIds).flat()) {
              const foreign = await ask(id)
              expect(plainAnswer(foreign, id)).toEqual(plainAnswer(unknown, nowhere))
              expectNothingOfTheirs(foreign, [id])
              count('foreign entities in bodies')
            }
          }
        })
      })
    }
  }
})

test('N3: whatever is asked with an own token shows nothing of another restaurant', async () => {
  for (const op of operations) {
    const ids = await freshIds(mine)
    const answer = await send(op, mine.token, paramsOf(op, ids), bodyOf(op, ids))
    expectNothingOfTheirs(answer, [])
    count('own answers')
  }
  // The secrets are such that their owner does see them: looking for them can fail.
  const seen = await Promise.all([theirs.call('GET', '/guests'), theirs.v2('GET', '/tables')])
  expect(() => seen.forEach((answer) => expectNothingOfTheirs(answer, []))).toThrow(/Zq7Mark/)
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

  test('W2, N3: a socket hears its own restaurant and nothing of another', async () => {
    const mineEars = await openEars(mine)
    await theirs.table(`${MARK} loud`)
    await theirs.walkIn(`${MARK} loud`)
    await mineEars.heardNothing()
  })
})
