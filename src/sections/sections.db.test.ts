import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { newId } from '../platform/ids.ts'

let app: TestApp
let r: Restaurant
let ana: string
let ben: string
let bar: string
let patio: string
let tables: string[]

beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  r = await app.restaurant()
  ;[ana, ben] = [await made('/servers', { name: 'Ana', staffId: r.staffId }), await made('/servers', { name: 'Ben' })]
  ;[bar, patio] = [await made('/sections', { name: 'Bar' }), await made('/sections', { name: 'Patio' })]
  tables = [await r.table('1'), await r.table('2'), await r.table('3')]
})

const made = async (path: string, body: object): Promise<string> => {
  const answer = await r.v2('POST', path, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.result.id
}
const done = async (method: string, path: string, body?: object) => {
  const answer = await r.v2(method, path, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.result
}
const shown = async (kind: string, id: string) =>
  (await r.v2('GET', '/snapshot')).body.entities.find(
    (each: { kind: string; id: string }) => each.kind === kind && each.id === id,
  )?.value
const guestAt = async (tableId: string, partySize = 2): Promise<string> => {
  const id = await r.walkIn('G', partySize)
  await done('POST', `/guests/${id}/seat`, { tableId })
  return id
}
const serverOf = async (id: string) => (await shown('guest', id)).serverId
const rotation = async () =>
  (await done('GET', '/rotation')).turns.map((turn: { serverId: string; covers: number; parties: number }) => [
    turn.serverId,
    turn.covers,
    turn.parties,
  ])

test('Y11: a server has a name and an account or none; one with a section is not removed', async () => {
  expect(await shown('server', ana)).toMatchObject({ name: 'Ana', staffId: r.staffId, joinedAt: null, cutAt: null })
  expect((await r.v2('POST', '/servers', { name: 'X', staffId: newId() })).body.code).toBe('unknown-staff')
  await done('PATCH', `/sections/${bar}`, { serverId: ana })
  expect((await r.v2('DELETE', `/servers/${ana}`)).body).toMatchObject({ code: 'server-has-section' })
  await done('PATCH', `/sections/${bar}`, { serverId: null })
  expect(await done('DELETE', `/servers/${ana}`)).toEqual({ removed: true })
})

test('Y12, Y13: tables carry the name of their section, also for the iPad, and the server on duty', async () => {
  await done('PATCH', `/sections/${bar}`, { serverId: ana, tableIds: tables.slice(0, 2) })
  expect(await shown('table', tables[0]!)).toMatchObject({ section: 'Bar', sectionId: bar, serverId: ana })
  await done('PATCH', `/sections/${bar}`, { name: 'Long bar' })
  const contract = await r.call('GET', '/tables')
  expect(contract.body.map(({ section }: { section: string | null }) => section)).toEqual([
    'Long bar',
    'Long bar',
    null,
  ])
  // What somebody writes by hand takes the table out; the same text again says nothing.
  await r.call('PUT', `/tables/${tables[0]}`, { section: 'Long bar' })
  expect(await shown('table', tables[0]!)).toMatchObject({ sectionId: bar })
  await r.call('PUT', `/tables/${tables[0]}`, { section: 'Window' })
  expect(await shown('table', tables[0]!)).toMatchObject({ section: 'Window', sectionId: null, serverId: null })
  await done('PATCH', `/sections/${bar}`, { isOpen: false })
  expect(await shown('table', tables[1]!)).toMatchObject({ sectionId: bar, serverId: null })
  for (let n = 0; n < 2; n++) await done('DELETE', `/sections/${bar}`)
  expect(await shown('table', tables[1]!)).toMatchObject({ section: null, sectionId: null })
  expect((await r.v2('PATCH', `/sections/${bar}`, { name: 'x' })).body.code).toBe('section-not-found')
})

test('Y14, Y15: a saved plan is switched in one change; parties that sit keep their server', async () => {
  await done('PATCH', `/sections/${bar}`, { serverId: ana, tableIds: tables })
  const guest = await guestAt(tables[0]!)
  const planned = [
    { sectionId: bar, serverId: ben, tableIds: tables.slice(0, 1) },
    { sectionId: patio, serverId: ana, tableIds: tables.slice(1) },
  ]
  expect((await r.v2('POST', '/plans', { name: 'D', sections: [planned[0], planned[0]] })).body.code).toBe(
    'planned-twice',
  )
  const plan = await made('/plans', { name: 'Dinner', period: 'Dinner', sections: planned })
  const before = (await r.v2('GET', '/snapshot')).body.seq
  await done('POST', `/plans/${plan}/switch`)
  const { body } = await r.v2('GET', '/snapshot')
  expect(body.seq).toBe(before + 1)
  expect(await shown('table', tables[0]!)).toMatchObject({ section: 'Bar', serverId: ben })
  expect(await shown('table', tables[2]!)).toMatchObject({ section: 'Patio', serverId: ana })
  expect(await serverOf(guest)).toBe(ana)
  // A table that is gone meanwhile is left out.
  await done('DELETE', `/tables/${tables[2]}`)
  await done('PATCH', `/sections/${patio}`, { isOpen: false })
  expect((await done('POST', `/plans/${plan}/switch`)).sections).toMatchObject([{ isOpen: true }, { isOpen: true }])
})

test('Y16, Y17, Y18: the rotation says who is next, with the covers and parties of each', async () => {
  await done('PATCH', `/sections/${bar}`, { serverId: ana, tableIds: tables.slice(0, 1) })
  await done('PATCH', `/sections/${patio}`, { serverId: ben, tableIds: tables.slice(1) })
  expect(await rotation()).toEqual([
    [ana, 0, 0],
    [ben, 0, 0],
  ])
  await guestAt(tables[0]!, 4)
  await guestAt(tables[1]!, 2)
  expect(await rotation()).toEqual([
    [ben, 2, 1],
    [ana, 4, 1],
  ])
  expect((await r.v2('POST', `/servers/${ben}/skip`, { reason: '' })).body.code).toBe('invalid-input')
  expect(await done('POST', `/servers/${ben}/skip`, { reason: 'double sat' })).toMatchObject({
    skipReason: 'double sat',
  })
  expect((await rotation())[0]).toEqual([ana, 4, 1])
  await done('POST', `/servers/${ana}/cut`)
  expect((await done('GET', '/rotation')).turns).toMatchObject([
    { serverId: ben, place: 1 },
    { serverId: ana, place: null, absence: 'cut' },
  ])
  await r.v2('POST', `/tables/${tables[0]}/clear`)
  // Nobody new comes to a server who is cut: the party at that table has none until somebody takes it.
  const guest = await guestAt(tables[0]!)
  expect(await serverOf(guest)).toBeNull()
  await done('PATCH', `/guests/${guest}`, { serverId: ben })
  expect(await serverOf(guest)).toBe(ben)
  expect((await r.v2('PATCH', `/guests/${guest}`, { serverId: newId() })).body.code).toBe('unknown-server')
  await done('POST', `/servers/${ana}/cut`, { isCut: false })
  expect(await shown('table', tables[0]!)).toMatchObject({ serverId: ana })
})

test('Y20: a party has the server of its table from sitting down on, whichever way it gets there', async () => {
  await done('PATCH', `/sections/${bar}`, { serverId: ana, tableIds: tables.slice(0, 1) })
  await done('PATCH', `/sections/${patio}`, { serverId: ben, tableIds: tables.slice(1) })
  const seated = await guestAt(tables[0]!)
  expect(await serverOf(seated)).toBe(ana)
  await done('POST', `/guests/${seated}/move`, { tableId: tables[1] })
  expect(await serverOf(seated)).toBe(ben)
  const joined = await made('/guests', { firstName: 'J', partySize: 2, status: 'seated', tableId: tables[0] })
  expect(await serverOf(joined)).toBe(ana)
  // Who only waits for a table has no server yet, and who lost it none any more.
  const pinned = await made('/guests', { firstName: 'P', partySize: 2, status: 'arrived', tableId: tables[2] })
  expect(await serverOf(pinned)).toBeNull()
  await done('PATCH', `/guests/${pinned}`, { status: 'seated' })
  expect(await serverOf(pinned)).toBe(ben)
  await done('PATCH', `/guests/${pinned}`, { status: 'waitlist' })
  expect(await serverOf(pinned)).toBeNull()
  await done('PATCH', `/tables/${tables[2]}`, { partyId: seated })
  expect(await serverOf(seated)).toBe(ben)
  // A visit that is over keeps it.
  await r.v2('POST', `/tables/${tables[0]}/clear`)
  expect(await shown('guest', joined)).toMatchObject({ status: 'finished', serverId: ana })
  const reservation = await made('/reservations', { guestName: 'R', partySize: 2 })
  await done('PATCH', `/reservations/${reservation}`, { status: 'seated', tableId: tables[0] })
  expect(await shown('reservation', reservation)).toMatchObject({ serverId: ana })
})
