import { isInstant, type Instant } from '../../platform/clock.ts'
import { Fault } from './fault.ts'
import { naive, zulu } from '../times.ts'

/** Larger numbers are milliseconds: the year 2603 as seconds, August 1970 as milliseconds. */
const SECONDS_END = 2e10
const UNIX_0001 = -62_135_596_800
const UNIX_1600 = -11_676_096_000
const UNIX_9999 = 253_402_300_799

const FORM =
  /^(\d{4}-\d\d-\d\d)(?:[Tt_ ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:[Zz]|([+\-\u2212])(\d\d):?(\d\d))?)?$/
const EPOCH = /^[+-]?\d+(?:\.\d*)?$/

/**
 * The accepted texts that the OpenAPI document promises: real dates of the years 1000 to 9998 (so no offset leaves
 * the range of an instant), with or without a time, with or without an offset.
 */
export const DATETIME_PATTERN = (() => {
  const year = '(?:[1-8]\\d{3}|9[0-8]\\d\\d|99[0-8]\\d|999[0-8])'
  const leap = '(?:[1-9]\\d(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)'
  const days = '(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)'
  const date = `(?:${year}-(?:${days}|02-(?:0[1-9]|1\\d|2[0-8]))|${leap}-02-29)`
  const hours = '(?:[01]\\d|2[0-3]):[0-5]\\d'
  return `^${date}(?:T${hours}(?::[0-5]\\d(?:\\.\\d{1,9})?)?(?:Z|[+-]${hours})?)?$`
})()

/** A date and time as pydantic reads it: ISO 8601 text (UTC if it has no offset), or epoch seconds. */
export function parseDatetime(value: unknown): Instant | Fault {
  if (typeof value === 'number') {
    const found = ofEpoch(value)
    return isInstant(found) ? found : fault('datetime_parsing', 'datetime', found)
  }
  if (typeof value !== 'string') return new Fault('datetime_type', 'Input should be a valid datetime')
  const found = EPOCH.test(value) ? ofEpoch(Number(value)) : ofText(value)
  // Text is parsed as a datetime, then as a date. The second failure is the one reported.
  return isInstant(found) ? found : fault('datetime_from_date_parsing', 'datetime or date', found)
}

/**
 * A date and time accepted by {@link parseDatetime}, as pydantic writes it: in the zone in which it was sent, epoch
 * seconds in UTC, without a zone if it had none.
 */
export function writtenDatetime(value: unknown, instant: Instant): string {
  const [, date, hour = '00', minute = '00', second = '00', fraction = '', sign, aheadHours, aheadMinutes] =
    FORM.exec(String(value)) ?? []
  if (date === undefined) return zulu(instant)
  const local = naive(`${date}T${hour}:${minute}:${second}.${microsOfFraction(fraction)}Z` as Instant)
  const ahead = `${aheadHours}:${aheadMinutes}`
  if (sign !== undefined && ahead !== '00:00') return `${local}${sign === '+' ? '+' : '-'}${ahead}`
  return sign !== undefined || /z$/i.test(String(value)) ? `${local}Z` : local
}

const fault = (type: string, what: string, reason: string): Fault =>
  new Fault(type, `Input should be a valid ${what}, ${reason}`, { error: reason })

/** An instant, or the reason why there is none. */
function ofEpoch(value: number): string {
  const unit = Math.abs(value) > SECONDS_END ? 1000 : 1
  let seconds = Math.floor(value / unit)
  let micros = Math.round((value - seconds * unit) * (1e6 / unit))
  if (micros >= 1e6) {
    seconds += 1
    micros -= 1e6
  }
  if (seconds > UNIX_9999) return 'dates after 9999 are not supported as unix timestamps'
  if (seconds < UNIX_1600) return 'dates before 1600 are not supported as unix timestamps'
  if (Number.isNaN(seconds)) return 'NaN values not permitted'
  return instantText(seconds, String(micros))
}

/** An instant, or the reason why there is none. */
function ofText(text: string): string {
  const [, date, hour = '00', minute = '00', second = '00', fraction = '', sign, aheadHours = '0', aheadMinutes = '0'] =
    FORM.exec(text) ?? []
  const inRange = hour < '24' && minute < '60' && second < '60' && aheadHours < '24' && aheadMinutes < '60'
  if (date === undefined || !inRange || dateFault(date) !== undefined) return dateFault(text) ?? 'invalid datetime'
  const ahead = (Number(aheadHours) * 60 + Number(aheadMinutes)) * (sign === '+' ? 60 : -60)
  const seconds = Date.parse(`${date}T${hour}:${minute}:${second}Z`) / 1000 - ahead
  if (seconds < UNIX_0001 || seconds > UNIX_9999) return 'year is out of range'
  return instantText(seconds, microsOfFraction(fraction))
}

const microsOfFraction = (fraction: string): string => fraction.slice(0, 6).padEnd(6, '0')

const instantText = (seconds: number, micros: string): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${micros.padStart(6, '0')}Z`

/** Why a text is not exactly a date, in the wording and order of pydantic's parser. */
function dateFault(text: string): string | undefined {
  if (text.length < 10) return 'input is too short'
  const [year, month, day] = [text.slice(0, 4), text.slice(5, 7), text.slice(8, 10)]
  if (!/^\d+$/.test(year)) return 'invalid character in year'
  if (text[4] !== '-') return 'invalid date separator, expected `-`'
  if (!/^\d+$/.test(month)) return 'invalid character in month'
  if (text[7] !== '-') return 'invalid date separator, expected `-`'
  if (!/^\d+$/.test(day)) return 'invalid character in day'
  if (month < '01' || month > '12') return 'month value is outside expected range of 1-12'
  if (Number(day) < 1 || Number(day) > daysOf(Number(year), Number(month))) return 'day value is outside expected range'
  return text.length > 10 ? 'unexpected extra characters at the end of the input' : undefined
}

/**
 * Day 0 of the next month is the last of this one. The year is shifted by 400 because `Date.UTC` reads years below
 * 100 as 19xx.
 */
const daysOf = (year: number, month: number): number => new Date(Date.UTC(year + 400, month, 0)).getUTCDate()
