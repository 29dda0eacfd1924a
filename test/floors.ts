import { expect } from 'vitest'
import type { CommandName, Inputs } from '../client/commands.ts'
import type { Mutation } from '../client/mutations.ts'
import { replay } from '../client/optimistic.ts'
import { Confirmed } from '../client/state.ts'
import { View } from '../client/view.ts'
import type { Guest, Kind, Kinds, Reservation, Table } from '../client/words.ts'
import { guestFields } from '../src/guests/fields.ts'
import { NOBODY } from '../src/people/rules.ts'
import { UNTOLD, type Floor } from '../src/parties/rules.ts'
import { initialOf } from '../src/platform/field.ts'
import { reservationFields } from '../src/reservations/fields.ts'
import { tableFields } from '../src/tables/fields.ts'
import { BARE } from '../src/tables/rules.ts'

/** Small floors for tests of what the client shows. */

export const OLD = '2026-11-23T10:00:00.000000Z' as Guest['createdAt']
export const NOW = '2026-11-23T12:00:00.000000Z' as Guest['createdAt']
export const SENT = '2026-11-23T11:00:00.000000Z' as Guest['createdAt']

export const base = { version: 1, createdAt: OLD, updatedAt: OLD }
export const table = (id: string, more: Partial<Table> = {}): Table => ({
  id,
  number: `N${id}`,
  capacity: 4,
  x: 0,
  y: 0,
  ...initialOf(tableFields),
  status: 'available',
  ...BARE,
  joined: [],
  sectionId: null,
  serverId: null,
  ...base,
  ...more,
})
export const times = { checkInTime: null, seatedTime: null, finishedTime: null, endedAt: null }
export const guest = (id: string, more: Partial<Guest> = {}): Guest => ({
  id,
  firstName: 'Ada',
  ...initialOf(guestFields),
  ...NOBODY,
  partySize: 2,
  status: 'waitlist',
  tableId: null,
  serverId: null,
  ...times,
  ...UNTOLD,
  ...base,
  ...more,
})
export const reservation = (id: string, more: Partial<Reservation> = {}): Reservation => ({
  id,
  guestId: null,
  guestName: 'Bo',
  partySize: 2,
  status: 'confirmed',
  ...initialOf(reservationFields),
  ...NOBODY,
  tableId: null,
  serverId: null,
  ...times,
  ...base,
  ...more,
})

export type Floors = Partial<{ tables: Table[]; guests: Guest[]; reservations: Reservation[] }>
export function confirmed({ tables = [], guests = [], reservations = [] }: Floors): Confirmed {
  const state = new Confirmed()
  const of = (kind: Kind, list: readonly Kinds[Kind][]) =>
    list.map((value) => ({ kind, id: value.id, version: value.version, value: { ...value } }))
  const entities = [...of('table', tables), ...of('guest', guests), ...of('reservation', reservations)]
  state.take({ epoch: 'e', seq: 1, at: OLD, horizon: '2026', entities })
  return state
}

export const mutation = (command: string, input: object, id = 'new'): Mutation => ({
  id,
  command,
  method: 'POST',
  path: '/',
  params: {},
  body: { ...input },
  version: null,
  madeAt: NOW,
  device: null,
})

/** What one command makes of a floor: each entity that it touched (null: gone), or the code of the likely refusal. */
export function play<Name extends CommandName>(floor: Floors, command: Name, input: Inputs[Name]) {
  const { view, unlikely } = replay(confirmed(floor), [mutation(command, input)])
  const code = unlikely.get('new')?.code
  const touched = [...view.touched()].sort()
  if (code !== undefined) {
    expect(touched, 'a likely refusal changes nothing').toEqual([])
    return code
  }
  return Object.fromEntries(
    touched.map((key) => {
      const [kind, id] = key.split(' ') as [Kind, string]
      return [key, view.get(kind, id) ?? null]
    }),
  )
}

/** What a change here makes of every entity that it touches. */
export const moved = { version: 2, updatedAt: NOW }

/** A floor as rules see it. */
export const floorOf = (floors: Floors): Floor => new View(confirmed(floors))
