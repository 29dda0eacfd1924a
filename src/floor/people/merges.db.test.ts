import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { upTo } from '../../../test/patience.ts'

/** Two people become one, and are two again. */

const RUNS = Number(process.env['MERGES'] ?? 12)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** All that the guest book has, and whose visits the parties are; without versions and times of change. */
async function bookOf(r: Restaurant): Promise<unknown> {
  const rows = (sql: string) => app.database.sql(`select ${sql} where restaurant_id = $1 order by 1`, [r.id])
  return {
    people: await rows(`id, to_jsonb(t) - 'version' - 'updated_at' as facts from qtable.people t`),
    keys: await rows('key, person_id from qtable.person_keys'),
    index: await rows('person_id, words, pieces from qtable.people_index'),
    merges: await rows('id, record::text from qtable.person_merges'),
    guests: await rows('id, person_id, person::jsonb from qtable.guests'),
    reservations: await rows('id, person_id, person::jsonb from qtable.reservations'),
  }
}

const words = fc.subarray(['regular', 'press', 'nuts', 'milk', 'fish'])
const maybe = (...of: string[]) => fc.constantFrom(null, ...of)

/** A person, and its parties: each of a kind and over or not. */
const somebody = (n: number) =>
  fc.record({
    facts: fc.record({
      firstName: fc.constantFrom('', 'Ada', 'Bo'),
      lastName: fc.constantFrom('', 'Okoro'),
      phone: maybe(`+49 30 55500${n}`),
      email: maybe(`p${n}@p.example`),
      isVip: fc.boolean(),
      tags: words,
      allergies: words,
      dietaryNeeds: words,
      seatingPreference: maybe('window', 'quiet'),
      birthday: maybe('05-20', '1990-01-31'),
      notes: maybe('', 'one', 'two'),
      consentAt: maybe('2026-01-01T00:00:00.000000Z', '2026-02-02T00:00:00.000000Z'),
      earlierVisits: fc.nat(5),
    }),
    parties: fc.array(fc.record({ kind: fc.constantFrom('guest', 'reservation'), isOver: fc.boolean() }), {
      maxLength: 3,
    }),
  })

async function add(r: Restaurant, { facts, parties }: Awaited<ReturnType<typeof sample>>): Promise<string> {
  const { id } = (await r.v2('POST', '/people', facts)).body.result
  for (const { kind, isOver } of parties) {
    const body = { partySize: 2, status: isOver ? 'finished' : 'waitlist' }
    const made = await r.v2('POST', `/${kind}s`, {
      ...body,
      ...(kind === 'guest' ? { firstName: 'G' } : { guestName: 'R' }),
    })
    expect((await r.v2('POST', `/people/${id}/parties`, { partyId: made.body.result.id })).status).toBe(200)
  }
  return id
}
const sample = async () => fc.sample(somebody(0), 1)[0]!

test(
  `E5: to undo merges gives the earlier guest book exactly, one after the other (seed ${seed})`,
  { timeout: upTo(60_000) },
  async () => {
    const r = await app.restaurant()
    let book: unknown
    await fc.assert(
      fc.asyncProperty(somebody(1), somebody(2), somebody(3), fc.boolean(), async (a, b, c, isChain) => {
        await app.database.sql('delete from qtable.person_keys where restaurant_id = $1', [r.id])
        const [ida, idb, idc] = [await add(r, a), await add(r, b), await add(r, c)]
        const [first, second] = isChain
          ? ([
              [idb, idc],
              [ida, idb],
            ] as const)
          : ([
              [ida, idb],
              [ida, idc],
            ] as const)
        const books: unknown[] = []
        for (const [kept, other] of [first, second]) {
          books.push(await bookOf(r))
          expect((await r.v2('POST', `/people/${kept}/merge`, { otherPersonId: other })).status).toBe(200)
          expect((await r.v2('GET', `/people/${other}`)).body.code).toBe('person-not-found')
        }
        for (const [kept, other] of [second, first]) {
          book = await bookOf(r)
          const undone = await r.v2('POST', `/people/${kept}/unmerge`)
          expect(undone.body.result.other.id).toBe(other)
          const is = await bookOf(r)
          expect(is).not.toEqual(book)
          expect(is).toEqual(books.pop())
        }
      }),
      { numRuns: RUNS, seed },
    )
  },
)

test('E5: the person that stays has the facts, keys and visits of both, and shows them on parties that are not over', async () => {
  const r = await app.restaurant()
  const made = async (facts: object) => (await r.v2('POST', '/people', facts)).body.result.id as string
  const ada = await made({ firstName: 'Ada', phone: '+49 30 555001', tags: ['regular'], earlierVisits: 2 })
  const other = await made({
    lastName: 'Okoro',
    phone: '+49 30 555002',
    email: 'a@o.example',
    isVip: true,
    earlierVisits: 3,
  })
  const guest = (await r.v2('POST', '/guests', { firstName: 'A', partySize: 2, phone: '+49 30 555002' })).body.result
  expect(guest.person.visits).toBe(3)
  const merged = (await r.v2('POST', `/people/${ada}/merge`, { otherPersonId: other })).body
  expect(merged.result).toMatchObject({
    id: ada,
    firstName: 'Ada',
    lastName: 'Okoro',
    email: 'a@o.example',
    isVip: true,
    earlierVisits: 5,
  })
  const shown = (await r.v2('GET', `/guests/${guest.id}`)).body.result
  expect(shown).toMatchObject({ personId: ada, person: { isVip: true, tags: ['regular'], visits: 5 } })
  for (const search of ['555001', '555002', 'a@o.example', 'okoro'])
    expect((await r.v2('GET', `/people?search=${search}`)).body.result.map(({ id }: { id: string }) => id)).toEqual([
      ada,
    ])
  const joined = (await r.v2('POST', '/guests', { firstName: 'A', partySize: 2, phone: '+49 30 555002' })).body.result
  expect(joined.personId).toBe(ada)
  // What came and changed since stays with the person that stayed.
  await r.v2('PATCH', `/people/${ada}`, { notes: 'since', tags: ['regular', 'new'] })
  await r.v2('POST', `/people/${ada}/unmerge`)
  expect((await r.v2('GET', `/people/${ada}`)).body.result).toMatchObject({
    person: { lastName: '', email: null, notes: 'since', tags: ['regular', 'new'], isVip: false },
    latest: [{ id: joined.id }],
  })
  expect((await r.v2('GET', `/guests/${guest.id}`)).body.result).toMatchObject({
    personId: other,
    person: { tags: [], visits: 3 },
  })
  expect((await r.v2('POST', `/people/${ada}/unmerge`)).body.result.other).toBeNull()
})

test('E5: who may not manage merges nobody; one person is one already', async () => {
  const r = await app.restaurant()
  const { id } = (await r.v2('POST', '/people', {})).body.result
  const same = await r.v2('POST', `/people/${id}/merge`, { otherPersonId: id })
  expect([same.status, same.body.result.version]).toEqual([200, 1])
  const staff = { email: `host-${id}@c.example`, password: 'Plum-Cedar-72', role: 'host' }
  await r.v2('POST', '/staff', staff)
  const token = (await app.call('POST', '/v2/sign-in', { email: staff.email, password: staff.password })).body
    .accessToken
  const asHost = (path: string, body?: object) =>
    app.call('POST', `/v2/restaurants/${r.id}/people/${id}${path}`, body, { authorization: `Bearer ${token}` })
  expect((await asHost('/merge', { otherPersonId: id })).body.code).toBe('not-allowed')
  expect((await asHost('/unmerge')).body.code).toBe('not-allowed')
})
