import { expect, test } from 'vitest'
import type { Instant } from '../platform/clock.ts'
import { initialOf } from '../platform/field.ts'
import { settingsFields } from './fields.ts'
import { decideUpdateSettings, pacingAt, roundedQuote, turnTarget, type SettingsState } from './rules.ts'

const settings: SettingsState = { ...initialOf(settingsFields), id: 'r', version: 3 }
const decide = (input: Parameters<typeof decideUpdateSettings>[1]) => decideUpdateSettings(settings, input)
const period = (from: string, to: string, name = from) => ({ name, from, to, coversPerQuarter: null })
const field = (input: Parameters<typeof decideUpdateSettings>[1]) => {
  const decision = decide(input)
  return 'code' in decision ? `${decision.code} ${String(decision.details['field'])}` : null
}

test('Z1: what is not sent stays, and an outdated version is refused', () => {
  expect(decide({ locale: 'de-AT', version: 3 })).toEqual({ kind: 'settings', id: 'r', set: { locale: 'de-AT' } })
  expect(decide({ locale: 'de-AT', version: 2 })).toMatchObject({ code: 'version-conflict', details: { settings } })
  expect(decideUpdateSettings(undefined, {})).toMatchObject({ code: 'settings-not-found' })
})

test('Z5: settings that contradict themselves or name what is not there are refused with their field', () => {
  const refused = (name: string) => `invalid-settings ${name}`
  expect(field({ timeZone: 'Mars/Olympus' })).toBe(refused('timeZone'))
  expect(field({ locale: 'not a language' })).toBe(refused('locale'))
  expect(field({ currency: 'eur' })).toBe(refused('currency'))
  expect(field({ dayStart: '24:00' })).toBe(refused('dayStart'))
  expect([field({ graceMinutes: 1_441 }), field({ graceMinutes: 1_440 })]).toEqual([refused('graceMinutes'), null])
  expect(field({ turnTargets: [2, 4, 4].map((upTo) => ({ upTo, minutes: 60 })) })).toBe(refused('turnTargets'))
  const daily = (...periods: ReturnType<typeof period>[]) =>
    field({ dayStart: '04:00', servicePeriods: periods.map((each) => ({ ...each, days: ['fri'] as const })) })
  expect(daily(period('18:00', '23:00'), period('12:00', '18:00'))).toBeNull()
  expect(daily(period('18:00', '23:00'), period('12:00', '18:01'))).toBe(refused('servicePeriods'))
  // Past midnight: 01:00 is late on the same day.
  expect(daily(period('18:00', '02:00'), period('01:00', '03:00'))).toBe(refused('servicePeriods'))
  expect(daily(period('18:00', '01:00'), period('01:00', '03:00'))).toBeNull()
  const special = (date: string, ...periods: ReturnType<typeof period>[]) => ({ date, name: '', periods })
  const days = (...specialDays: ReturnType<typeof special>[]) => field({ specialDays })
  expect(days(special('2026-12-25'), special('2026-12-25'))).toBe(refused('specialDays'))
  expect(days(special('2026-12-31', period('18:00', '23:00'), period('22:00', '23:30')))).toBe(refused('specialDays'))
  expect(days(special('2026-12-25'), special('2026-12-26'))).toBeNull()
})

test('Z6: turn times by size, quotes rounded up, and covers that may arrive', () => {
  expect([1, 2, 3, 8, 20].map((size) => turnTarget(size, settings))).toEqual([50, 50, 65, 95, 95])
  expect(turnTarget(2, { turnTargets: [] })).toBeNull()
  expect([0, 1, 5, 21].map((minutes) => roundedQuote(minutes, settings))).toEqual([0, 5, 5, 25])
  const lunch = { ...period('12:00', '14:00'), coversPerQuarter: 12, days: ['mon'] as const }
  const of = { ...settings, coversPerQuarter: 20, servicePeriods: [lunch] }
  const at = (time: string) => `2026-11-23T${time}:00.000000Z` as Instant
  expect([pacingAt(at('12:30'), of), pacingAt(at('14:00'), of), pacingAt(at('12:30'), settings)]).toEqual([
    12,
    20,
    null,
  ])
})
