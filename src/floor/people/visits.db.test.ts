import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'

/** A person and the parties that are its visits. */

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

const add = async (facts: object = {}) => (await r.v2('POST', '/people', facts)).body.result
const change = (id: string, facts: object) => r.v2('PATCH', `/people/${id}`, facts)
const onFloor = async (id: string) =>
  (await r.v2('GET', '/snapshot')).body.entities.find((each: { id: string }) => each.id === id)?.value

test('E1, E2: a person is changed fact by fact; parties that are not over show it at once', async () => {
  const ada = await add({ phone: '+49 30 555001', earlierVisits: 1 })
  const guest = (await r.v2('POST', '/guests', { firstName: 'A', partySize: 2, phone: ada.phone })).body.result
  const over = (await r.v2('POST', '/guests', { firstName: 'A', partySize: 2, phone: ada.phone, status: 'finished' }))
    .body.result
  const changed = await change(ada.id, { isVip: true, allergies: ['nuts'], earlierVisits: 4, version: 1 })
  expect(changed.body.result).toMatchObject({ isVip: true, phone: ada.phone, version: 2 })
  expect((await onFloor(guest.id)).person).toEqual({
    isVip: true,
    tags: [],
    allergies: ['nuts'],
    seatingPreference: null,
    visits: 4,
  })
  expect((await onFloor(over.id)).person.isVip).toBe(false)
  expect(await change(ada.id, { notes: 'x', version: 1 })).toMatchObject({
    status: 409,
    body: { code: 'version-conflict', person: { version: 2 } },
  })
  // What changes nothing is no change.
  expect((await change(ada.id, { isVip: true })).body.result.version).toBe(2)
  // The old number is free, the new one is theirs.
  await change(ada.id, { phone: '+49 30 555009' })
  const [old, fresh] = await Promise.all(
    [ada.phone, '+49 30 555009'].map(
      async (phone) => (await r.v2('POST', '/guests', { firstName: 'B', partySize: 1, phone })).body.result.personId,
    ),
  )
  expect([old === ada.id, fresh === ada.id]).toEqual([false, true])
  expect((await change(ada.id, { phone: ada.phone })).body).toMatchObject({ code: 'person-exists', personId: old })
  expect((await r.v2('GET', '/people?search=555009')).body.result).toMatchObject([{ id: ada.id }])
})

test('E6: a party is linked to a person and unlinked, whatever its phone; devices are told', async () => {
  const ada = await add({ isVip: true, earlierVisits: 2 })
  const parties = [
    await r.walkIn(),
    (await r.v2('POST', '/reservations', { guestName: 'R', partySize: 2 })).body.result.id,
  ]
  for (const partyId of parties) {
    for (let twice = 0; twice < 2; twice++) {
      const linked = await r.v2('POST', `/people/${ada.id}/parties`, { partyId })
      expect(linked.body.result).toEqual({ partyId, personId: ada.id })
      expect(linked.body.seq === null).toBe(twice === 1)
    }
    expect(await onFloor(partyId)).toMatchObject({ personId: ada.id, person: { isVip: true, visits: 2 } })
  }
  expect((await r.v2('GET', `/people/${ada.id}`)).body.result).toMatchObject({
    visits: 2,
    latest: [{ id: parties[1] }, { id: parties[0] }],
  })
  const bo = await add()
  expect((await r.v2('DELETE', `/people/${bo.id}/parties/${parties[0]}`)).body).toMatchObject({
    seq: null,
    result: { personId: ada.id },
  })
  for (const partyId of parties) {
    expect((await r.v2('DELETE', `/people/${ada.id}/parties/${partyId}`)).body.result).toEqual({
      partyId,
      personId: null,
    })
    expect(await onFloor(partyId)).toMatchObject({ personId: null, person: null })
  }
  expect((await r.v2('POST', `/people/${ada.id}/parties`, { partyId: bo.id })).body.code).toBe('guest-not-found')
  expect((await r.v2('GET', `/people/${parties[0]}`)).body.code).toBe('person-not-found')
})
