import { expect, test } from 'vitest'
import { commands } from '../src/app.ts'
import { addGuest } from '../src/guests/add-guest.ts'
import { addReservation } from '../src/floor/add-reservation.ts'
import { addTable } from '../src/tables/add-table.ts'
import { place, type Way } from './commands.ts'
import { DEFAULTS } from './inputs.ts'
import { ways } from './reduce.ts'

test("D11: every command of the client is the server's, with its method and path", () => {
  const served = Object.fromEntries(commands.map(({ name, method, path }) => [name, { method, path }]))
  for (const [name, { method, path }] of Object.entries(ways)) expect({ method, path }, name).toEqual(served[name])
  expect(place('/guests/:guestId/seat', { guestId: 'a/b', tableId: 't' })).toEqual({
    path: '/guests/a%2Fb/seat',
    params: { guestId: 'a/b' },
    body: { tableId: 't' },
  })
})

test('D11: every command of the server that changes the floor alone is one of the client, with what it makes and guards', () => {
  const own = commands.filter(({ inBatch }) => inBatch)
  expect(Object.keys(ways).sort()).toEqual(own.map(({ name }) => name).sort())
  for (const { name, input } of own) {
    const { makesId = false } = ways[name as keyof typeof ways]
    expect(makesId, `client/reduce.ts: ${name}, which takes an id, makes it`).toBe('id' in input.shape)
  }
  // What removes an entity would be wrong if someone else had changed it in the meantime.
  for (const [name, { method, path, guards }] of Object.entries<Way>(ways)) {
    const [, field] = /:(\w+)Id$/.exec(path) ?? []
    if (method === 'DELETE') expect(guards, `client/reduce.ts: ${name}`).toEqual([field, `${field}Id`])
  }
  expect(ways['clear-table'].guards).toEqual(['table', 'tableId'])
  const others = Object.entries<Way>(ways).filter(([, { method, guards }]) => method !== 'DELETE' && guards)
  expect(others.map(([name]) => name)).toEqual(['clear-table'])
})

test("D10: where nothing is sent, the client shows the defaults of the server's schemas", () => {
  const guest = { firstName: 'Ada', partySize: 2 }
  const reservation = { guestName: 'Bo', partySize: 2 }
  const table = { number: '1', capacity: 4, x: 0, y: 0 }
  expect({ ...guest, ...DEFAULTS['add-guest'] }).toEqual(addGuest.input.parse(guest))
  expect({ ...reservation, ...DEFAULTS['add-reservation'] }).toEqual(addReservation.input.parse(reservation))
  expect({ ...table, ...DEFAULTS['add-table'] }).toEqual(addTable.input.parse(table))
})
