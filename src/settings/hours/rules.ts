import { instantOfMicros, microsOf, type Instant } from '../../platform/clock.ts'

/**
 * A restaurant's own time: what its clocks show, when its service days begin and end, and which service period is on.
 * Pure. The server, the client and the web share this file, so all of them draw the same day.
 */

/** A calendar day: `2026-11-23`. */
export type Day = string

/** A time of the restaurant's clocks, hours and minutes: `18:30`. */
export type ClockTime = string

/** The form of a {@link ClockTime}. */
export const CLOCK_TIME = /^([01]\d|2[0-3]):[0-5]\d$/

/** Days of the week, Monday first, as ISO 8601 counts them. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/** A service period as a manager writes it. Where `to` is not after `from`, it ends on the next day. */
export interface PeriodHours {
  readonly name: string
  readonly from: ClockTime
  readonly to: ClockTime
  /** Covers that may arrive in a quarter of an hour; null: as many as the restaurant's own limit says. */
  readonly coversPerQuarter: number | null
}

/** A period on each of some days of the week. */
export interface WeeklyPeriod extends PeriodHours {
  readonly days: readonly Weekday[]
}

/** A date with hours of its own. Without periods the restaurant is closed. */
export interface SpecialDay {
  readonly date: Day
  readonly name: string
  readonly periods: readonly PeriodHours[]
}

/** A part of each day, such as the quiet hours. Where `to` is not after `from`, it ends on the next day. */
export interface DailyHours {
  readonly from: ClockTime
  readonly to: ClockTime
}

/** The part of the settings that says when a day begins. */
export interface Days {
  readonly timeZone: string
  /** When a service day begins. A time before it belongs to the night of the day before. */
  readonly dayStart: ClockTime
}

/** The part of the settings that says when the restaurant serves. */
export interface Hours extends Days {
  readonly servicePeriods: readonly WeeklyPeriod[]
  readonly specialDays: readonly SpecialDay[]
}

/** A stretch of time: `from` belongs to it, `to` does not. */
export interface Span {
  readonly from: Instant
  readonly to: Instant
}

/** A service period on one day. */
export interface Period extends Span {
  readonly day: Day
  readonly name: string
  readonly coversPerQuarter: number | null
}

const MINUTE = 60_000
const DAY_MINUTES = 1_440
const DAY_MILLIS = DAY_MINUTES * MINUTE
// Zones change their offset at full quarters of an hour.
const QUARTER = 15 * MINUTE
// What is remembered: quarters of a zone, and zones.
const REMEMBERED = 20_000
const ZONES = 100
// The days that instants reach.
const FIRST = Date.parse('0001-01-02T00:00:00Z')
const LAST = Date.parse('9999-12-31T00:00:00Z')

interface Zone {
  readonly format: Intl.DateTimeFormat
  readonly offsets: Map<number, number>
}

const zones = new Map<string, Zone>()

/** Whether a text is the name of a time zone with rules and a history, such as `Europe/Berlin`. */
export function isTimeZone(name: string): boolean {
  // An offset such as +02:00 has no rules.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) instanceof Intl.DateTimeFormat
  } catch {
    return false
  }
}

// To make a formatter takes longer than to use one a hundred times.
function zoneOf(name: string): Zone {
  let zone = zones.get(name)
  if (!zone) {
    if (zones.size >= ZONES) zones.clear()
    const numeric = 'numeric' as const
    const parts = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric }
    // An old device may not know a new zone; it goes on by UTC.
    const timeZone = isTimeZone(name) ? name : 'UTC'
    const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...parts })
    zones.set(name, (zone = { format, offsets: new Map() }))
  }
  return zone
}

/** How far the clocks of a zone are ahead of UTC, in milliseconds, at a time in milliseconds since 1970. */
export function offsetAt(name: string, utc: number): number {
  const { format, offsets } = zoneOf(name)
  const quarter = Math.floor(Math.min(Math.max(utc, FIRST), LAST) / QUARTER)
  const known = offsets.get(quarter)
  if (known !== undefined) return known
  const parts = new Map(format.formatToParts(quarter * QUARTER).map(({ type, value }) => [type, Number(value)]))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type)!
  // Date.UTC would take year 99 for 1999.
  const shown = new Date(0).setUTCFullYear(part('year'), part('month') - 1, part('day'))
  const offset = shown + ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1000 - quarter * QUARTER
  if (offsets.size >= REMEMBERED) offsets.clear()
  offsets.set(quarter, offset)
  return offset
}

/** What the clocks show at an instant: the calendar day, and minutes since midnight. */
export function clockAt(timeZone: string, instant: Instant): { readonly day: Day; readonly minutes: number } {
  const utc = millisOf(instant)
  const local = utc + offsetAt(timeZone, utc)
  return { day: dayOfLocal(local), minutes: Math.floor(local / MINUTE) - Math.floor(local / DAY_MILLIS) * DAY_MINUTES }
}

/**
 * The first instant at which the clocks show a time of a day. An hour that comes twice counts from its first coming. A
 * time in an hour that is left out is the moment at which the clocks are moved. `minutes` may be more than a day has.
 */
export function instantAt(timeZone: string, day: Day, minutes: number): Instant {
  const local = Date.parse(`${day}T00:00:00Z`) + minutes * MINUTE
  const offsets = [offsetAt(timeZone, local - DAY_MILLIS), offsetAt(timeZone, local + DAY_MILLIS)]
  const shown = offsets.map((offset) => local - offset).filter((utc) => utc + offsetAt(timeZone, utc) === local)
  if (shown.length > 0) return instantOf(Math.min(...shown))
  // The clocks jump over it: find the quarter in which they do.
  let [before, after] = [local - Math.max(...offsets) - QUARTER, local - Math.min(...offsets) + QUARTER]
  ;[before, after] = [Math.floor(before / QUARTER), Math.ceil(after / QUARTER)]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (middle * QUARTER + offsetAt(timeZone, middle * QUARTER) < local) before = middle
    else after = middle
  }
  return instantOf(after * QUARTER)
}

/** A day some days later, or earlier. */
export const plusDays = (day: Day, days: number): Day => dayOfLocal(Date.parse(`${day}T00:00:00Z`) + days * DAY_MILLIS)

/** The day of the week of a day. */
export const weekdayOf = (day: Day): Weekday =>
  WEEKDAYS[(new Date(Date.parse(`${day}T00:00:00Z`)).getUTCDay() + 6) % 7]!

/** When a service day begins and ends: 23, 24 or 25 hours. Spec: Z2. */
export const boundsOf = (day: Day, { timeZone, dayStart }: Days): Span => ({
  from: instantAt(timeZone, day, minutesOf(dayStart)),
  to: instantAt(timeZone, day, minutesOf(dayStart) + DAY_MINUTES),
})

/** The service day that an instant belongs to. Spec: Z2. */
export function dayOf(instant: Instant, days: Days): Day {
  const { day } = clockAt(days.timeZone, instant)
  // By the day's bounds, not by the clocks: they may show a time before the day's beginning twice.
  const { from, to } = boundsOf(day, days)
  return instant < from ? plusDays(day, -1) : instant < to ? day : plusDays(day, 1)
}

/** The periods of a service day, in order. One that falls in a left-out hour as a whole is left out. Spec: Z3. */
export function periodsOf(day: Day, hours: Hours): readonly Period[] {
  const { timeZone, dayStart, servicePeriods, specialDays } = hours
  const weekday = weekdayOf(day)
  const special = specialDays.find(({ date }) => date === day)
  const today = special ? special.periods : servicePeriods.filter(({ days }) => days.includes(weekday))
  return today
    .map((period) => {
      const [from, to] = minutesFrom(period, dayStart)
      const span = { from: instantAt(timeZone, day, from), to: instantAt(timeZone, day, to) }
      return { day, name: period.name, coversPerQuarter: period.coversPerQuarter, ...span }
    })
    .filter(({ from, to }) => from < to)
    .toSorted((a, b) => (a.from < b.from ? -1 : 1))
}

/** The service period that is on at an instant; null between periods and on closed days. Spec: Z3. */
export function periodAt(instant: Instant, hours: Hours): Period | null {
  const day = dayOf(instant, hours)
  // The last period of a day may go on after the next day's beginning.
  const periods = [...periodsOf(plusDays(day, -1), hours), ...periodsOf(day, hours)]
  return periods.findLast(({ from, to }) => from <= instant && instant < to) ?? null
}

/** When hours of each day that hold at an instant end; null where they don't hold. Spec: Z4. */
export function endOfHours(instant: Instant, hours: DailyHours | null, { timeZone }: Days): Instant | null {
  if (hours === null) return null
  const { day } = clockAt(timeZone, instant)
  const [from, to] = minutesFrom(hours, '00:00')
  for (const each of [plusDays(day, -1), day])
    if (instantAt(timeZone, each, from) <= instant && instant < instantAt(timeZone, each, to))
      return instantAt(timeZone, each, to)
  return null
}

/** Beginning and end of hours, in minutes since the midnight before a day's beginning; the end may be on the next day. */
export function minutesFrom({ from, to }: DailyHours, dayStart: ClockTime): readonly [number, number] {
  const start = minutesOf(from) + (from < dayStart ? DAY_MINUTES : 0)
  const end = minutesOf(to) + (from < dayStart ? DAY_MINUTES : 0)
  return [start, to > from ? end : end + DAY_MINUTES]
}

/** Minutes since midnight. */
export const minutesOf = (time: ClockTime): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

const dayOfLocal = (local: number): Day => new Date(local).toISOString().slice(0, 10)
const millisOf = (instant: Instant): number => Math.floor(microsOf(instant) / 1000)
const instantOf = (millis: number): Instant =>
  instantOfMicros(Math.min(Math.max(millis, FIRST - DAY_MILLIS), LAST + DAY_MILLIS - 1) * 1000)
