import { areaFields } from '../src/areas/fields.ts'
import { guestFields } from '../src/guests/fields.ts'
import type { Fields } from '../src/platform/field.ts'
import { reservationFields } from '../src/reservations/fields.ts'
import { tableFields } from '../src/tables/fields.ts'
import type { View } from '../client/view.ts'
import type { CommandName } from '../client/commands.ts'
import { floorCommands, type Kind, type Part } from '../src/floor/nouns.ts'
import { CANCEL_REASONS, PARTY_STATUSES, PHASES } from '../src/parties/rules.ts'
import { planFields, sectionFields, serverFields } from '../src/sections/fields.ts'
import { newId } from '../src/platform/ids.ts'
import { settingsFields } from '../src/settings/fields.ts'
import { CLOCKS, SELF_JOIN } from '../src/settings/rules.ts'
import { CHECKS } from '../src/tables/life/rules.ts'
import { TABLE_SHAPES, TABLE_STATUSES } from '../src/tables/rules.ts'

/** Inputs of commands in every combination that their schemas allow, for property tests. */

const parts = floorCommands.filter((each): each is Part => each.inBatch)
/** The commands that a client has, by name. */
export const names: readonly CommandName[] = parts.map(({ name }) => name)

/** What empties the floor comes less often, so that the rest meets parties and tables. */
const SELDOM: readonly CommandName[] = ['clear-table', 'remove-table', 'delete-guest', 'cancel-reservation']
/** What needs a party in a certain place comes more often: it is refused otherwise. */
const OFTEN: readonly CommandName[] = ['seat-guest', 'move-guest', 'add-guest']
const drawn = [
  ...[1, 2, 3, 4, 5, 6].flatMap(() => parts.filter(({ name }) => OFTEN.includes(name))),
  ...parts,
  ...[1, 2, 3].flatMap(() => parts.filter(({ name }) => !SELDOM.includes(name))),
]

/** Fields that decide who sits where. They are sent more often than facts. */
const SEATING = [
  'status',
  'phase',
  'tableId',
  'joinedTableIds',
  'partyId',
  'takeOver',
  'force',
  'partySize',
  'capacity',
]

/** One command with its input. */
export interface Operation {
  readonly command: CommandName
  readonly input: Readonly<Record<string, unknown>>
}

/** What a schema accepts, as far as a generator needs to know. */
export interface Accepts {
  safeParse(value: unknown): { readonly success: boolean }
}

const TIMES = ['2026-11-23T11:00Z', '2026-11-23T10:00:07Z', '2026-11-23T11:00:07.5Z', '2026-11-23T11:00:07.1234567Z']
const TEXTS = ['', 'a', 'ä 🍷', 'by the window']
const some = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

/** Where a value is wanted. `entity`: what the command is about. */
interface Place {
  readonly command: string
  readonly view: View
  readonly entity: { readonly version: number } | undefined
}

/** Values of a field by its name. What its schema does not accept is left out. */
function valuesOf(field: string, { command, view, entity }: Place): readonly unknown[] {
  const ids = (...kinds: Kind[]) => kinds.flatMap((kind) => [...view.of(kind)].map(({ id }) => id))
  switch (field) {
    case 'id':
      // An id in use is refused.
      if (command === 'arrange-tables') return [...ids('table'), newId()]
      if (command === 'add-section' || command === 'add-server' || command === 'add-plan' || command === 'add-area')
        return some(6, newId)
      if (command === 'add-table') return [...ids('table').slice(-1), ...some(6, newId)]
      if (command === 'add-area') return [...ids('area').slice(-1), ...some(6, newId)]
      return [...ids('guest').slice(-1), ...ids('reservation').slice(0, 1), ...some(6, newId)]
    case 'tableId':
      return [...ids('table'), newId()]
    case 'guestId':
      return [...ids('guest'), newId()]
    case 'reservationId':
      return [...ids('reservation'), newId()]
    case 'areaId':
      return [...ids('area'), newId()]
    case 'width':
    case 'height':
      return [9, 99, 100, 800.5]
    case 'rotation':
      return [0, 90, 361]
    case 'minCapacity':
      return [0, 1, 2]
    case 'joinedTableIds': {
      const [one, two, three] = ids('table')
      return [[], [one], [two, three], [one, two, three], [two, newId()]]
    }
    case 'check':
      return CHECKS
    case 'until':
      return ['2026-11-23T11:00Z', '2036-11-23T11:00Z']
    case 'position':
      return [-1, 0, 3]
    case 'fixtures':
      return [[], [wall], [{ ...wall, is: 'piano' }]]
    case 'partyId':
      return [...ids('guest', 'reservation'), newId()]
    case 'serverId':
      return [...ids('server'), newId()]
    case 'sectionId':
      return [...ids('section'), newId()]
    case 'planId':
      return [...ids('plan'), newId()]
    case 'staffId':
      return [newId()]
    case 'tableIds':
      return [[], ids('table').slice(0, 2), ids('table').slice(1, 4), [newId()]]
    case 'sections':
      return [
        ...plannedOf(ids('section'), ids('server'), ids('table')),
        [{ sectionId: newId(), serverId: null, tableIds: [] }],
      ]
    case 'timeZone':
      return ['Europe/Berlin', 'America/New_York', 'Mars/Olympus']
    case 'locale':
      return ['en', 'de-AT', '?']
    case 'currency':
      return ['EUR', 'eur']
    case 'clock':
      return CLOCKS
    case 'selfJoin':
      return SELF_JOIN
    case 'dayStart':
      return ['00:00', '04:00', '25:00']
    case 'servicePeriods':
      return [[], [dinner('18:00')], [dinner('18:00'), dinner('17:00')]]
    case 'specialDays':
      return [[], ['24', '25', '25'].map((day) => ({ date: `2026-12-${day}`, name: '', periods: [] }))]
    case 'turnTargets':
      return [[], [{ upTo: 2, minutes: 60 }], [4, 2].map((upTo) => ({ upTo, minutes: 60 }))]
    case 'quietHours':
      return [{ from: '22:00', to: '09:00' }]
    case 'quoteRoundingMinutes':
    case 'graceMinutes':
    case 'guestRetentionDays':
    case 'coversPerQuarter':
      return [5, 15, 1_000_000]
    case 'offlinePin':
    case 'isOpen':
    case 'isCut':
      return [true, false]
    case 'version':
      return entity ? [entity.version, entity.version, entity.version + 1] : [1]
    case 'status':
      return [...PARTY_STATUSES, ...TABLE_STATUSES]
    case 'phase':
      return PHASES
    case 'shape':
      return TABLE_SHAPES
    case 'partySize':
    case 'capacity':
      return numbers(-1, 6)
    case 'from':
    case 'to':
    case 'minutes':
    case 'lateMinutes':
    case 'arrivedCount':
      return [-1, 0, 1, 5, 90]
    case 'reason':
      return TEXTS
    case 'endReason':
      return CANCEL_REASONS
    case 'durationMinutes':
      return [1, 90]
    case 'x':
    case 'y':
      return [0, 0.5, 1]
    case 'number':
      return numbers(1, 30).map(String)
    case 'dietaryRestrictions':
      return [[], ['nuts', 'ä']]
    case 'needsCleaning':
    case 'takeOver':
    case 'force':
    case 'checkedIn':
      return [true, false]
    case 'at':
    case 'checkInTime':
    case 'seatedTime':
    case 'finishedTime':
    case 'reservationTime':
      return TIMES
    default:
      if (PLAIN_TEXTS.has(field)) return TEXTS
      throw new Error(`test/combinations.ts knows no values of the field ${field}`)
  }
}

const wall = { is: 'wall', x: 0, y: 0, width: 900, height: 20, rotation: 0, label: null }

const dinner = (from: string) => ({ name: from, from, to: '23:00', coversPerQuarter: null, days: ['fri'] })

/** Parts of saved section plans: good ones, and one with a table twice. */
const plannedOf = (sections: readonly string[], servers: readonly string[], tables: readonly string[]) => {
  const part = (n: number, tableIds: readonly string[]) => ({
    sectionId: sections[n],
    serverId: servers[n] ?? null,
    tableIds,
  })
  if (sections.length < 2) return [[]]
  return [
    [part(0, tables.slice(0, 3))],
    [part(0, tables.slice(0, 1)), part(1, tables.slice(1, 3))],
    [part(0, tables.slice(0, 1)), part(1, tables.slice(0, 1))],
  ]
}

/** Plain facts that are text: nothing else depends on them. */
const PLAIN_TEXTS = new Set(
  [
    guestFields,
    tableFields,
    reservationFields,
    areaFields,
    serverFields,
    sectionFields,
    planFields,
    settingsFields,
  ].flatMap((fields: Fields) => Object.entries(fields).flatMap(([name, { is }]) => (is.type === 'text' ? [name] : []))),
)

/** A random input of a schema's fields: each may be left out or null wherever the schema allows it. */
export function someInput(
  command: string,
  shape: Readonly<Record<string, Accepts>>,
  view: View,
  random: () => number,
): Record<string, unknown> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const input: Record<string, unknown> = {}
  // The entity is chosen first: its version is a value of another field.
  const fields = Object.entries(shape).sort(([a], [b]) => Number(a === 'version') - Number(b === 'version'))
  for (const [field, schema] of fields) {
    const accepts = (value: unknown) => schema.safeParse(value).success
    // A device always names what it makes.
    if (
      (field !== 'id' || command === 'arrange-tables') &&
      accepts(undefined) &&
      random() < (SEATING.includes(field) ? 0.5 : 0.85)
    )
      continue
    const entity = (['guest', 'table', 'reservation', 'server', 'section', 'plan', 'area'] as const)
      .map((kind) => view.get(kind, (input[`${kind}Id`] as string | undefined) ?? null))
      .find((each) => each !== undefined)
    if (accepts(null) && random() < 0.3) input[field] = null
    else input[field] = pick(valuesOf(field, { command, view, entity }).filter(accepts))
  }
  return input
}

/** A random command with a random input. */
export function someOperation(view: View, random: () => number): Operation {
  const { name, input } = drawn[Math.floor(random() * drawn.length)]!
  return { command: name, input: someInput(name, input.shape, view, random) }
}
