import { GRACE_MINUTES, MORE_MINUTES } from '../src/guests/waitlist/rules.ts'
import type { Instant } from '../src/platform/clock.ts'
import { sentOf } from '../src/changes/rules.ts'
import type { CommandName, Inputs, Parsed } from './commands.ts'

/** Inputs of commands as the server reads them: with defaults, and times in full. Pure. */

const NOTHING = { email: null, reservationTime: null, notes: null, specialRequests: null }

/** What the server's schemas fill in where nothing is sent. */
export const DEFAULTS: { readonly [Name in CommandName]?: Partial<Parsed[Name]> } = {
  'add-table': {
    shape: 'round',
    section: null,
    areaId: null,
    width: null,
    height: null,
    rotation: 0,
    minCapacity: 1,
  },
  'add-server': { staffId: null },
  'cut-server': { isCut: true },
  'add-section': { colour: null },
  'add-plan': { period: null, sections: [] },
  'hold-table': { until: null, partyId: null, reason: null },
  'block-table': { until: null, reason: null },
  'add-area': { width: 1_200, height: 800, position: 0, fixtures: [] },
  'add-reservation': { ...NOTHING, status: 'waitlist', contactInfo: null, durationMinutes: 90, source: 'app' },
  'add-guest': {
    ...NOTHING,
    status: 'waitlist',
    lastName: '',
    phone: null,
    dietaryRestrictions: [],
    tableId: null,
    checkedIn: true,
  },
  'notify-guest': { graceMinutes: GRACE_MINUTES },
  'give-more-time': { minutes: MORE_MINUTES },
}

const TIMES = ['at', 'until', 'reservationTime', 'checkInTime', 'seatedTime', 'finishedTime']

/** An input as the server's commands get it: with defaults, and times in full. */
export function parsed<Name extends CommandName>(name: Name, input: Inputs[Name]): Parsed[Name] {
  const sent = Object.entries(sentOf(input)).map(([field, value]) => [
    field,
    TIMES.includes(field) && value !== null ? instant(value as string) : value,
  ])
  return { ...DEFAULTS[name], ...sentOf(Object.fromEntries(sent) as object) } as Parsed[Name]
}

/** A time as people's programs write it, with six digits. */
export function instant(text: string): Instant | undefined {
  const m = /^(.{16})(:\d\d)?(?:\.(\d+))?Z$/.exec(text)
  return m ? (`${m[1]}${m[2] ?? ':00'}.${(m[3] ?? '').padEnd(6, '0').slice(0, 6)}Z` as Instant) : undefined
}
