import type { EndReason, PartyStatus } from '../parties/rules.ts'

/** How visits are counted. Pure. */

/** A visit that is over, or is going on. Times are in minutes. */
export interface Visit {
  /** The service day on which it began, as `2026-11-27`: when the party sat down, or was to come. */
  readonly day: string
  /** The half hour of the day in which it began: 0 is midnight. */
  readonly slot: number
  readonly partySize: number
  readonly status: PartyStatus
  readonly hasReserved: boolean
  readonly hasSat: boolean
  /** Whether the party was there. */
  readonly hasCome: boolean
  /** How long it sat, if it has finished. */
  readonly stay: number | null
  /** How long it waited for its table. */
  readonly wait: number | null
  /** The last quote, and how long it waited from then on; and the longest wait that it was promised at first. */
  readonly quotedFrom: number | null
  readonly quotedTo: number | null
  readonly waitAfterQuote: number | null
  readonly firstQuotedTo: number | null
  readonly endReason: EndReason | null
}

/** What is counted of the visits of one day, half hour and party size. */
export interface Counts {
  readonly parties: number
  readonly covers: number
  /** Of the parties, those that had reserved. */
  readonly reserved: number
  readonly stays: number
  readonly stayMinutes: number
  readonly stayLogs: number
  readonly staySquares: number
  /** Stays that do not count: tables that nobody cleared, slips of a finger. */
  readonly oddStays: number
  readonly waits: number
  readonly waitMinutes: number
  /** Parties that sat down after a quote; the middle of it, the wait from then on, and how far these are apart. */
  readonly quotes: number
  readonly quoteMinutes: number
  readonly quoteWaits: number
  readonly quoteErrors: number
  /** Parties that sat down before the range of the quote, after it, and later than they were promised at first. */
  readonly early: number
  readonly late: number
  readonly brokenPromises: number
  readonly noShows: number
  readonly walkAways: number
  readonly cancelled: number
}

/** The counts of a day, a half hour and a party size. */
export interface Slot extends Counts {
  readonly day: string
  readonly slot: number
  readonly size: number
}

export const NONE: Counts = {
  parties: 0,
  covers: 0,
  reserved: 0,
  stays: 0,
  stayMinutes: 0,
  stayLogs: 0,
  staySquares: 0,
  oddStays: 0,
  waits: 0,
  waitMinutes: 0,
  quotes: 0,
  quoteMinutes: 0,
  quoteWaits: 0,
  quoteErrors: 0,
  early: 0,
  late: 0,
  brokenPromises: 0,
  noShows: 0,
  walkAways: 0,
  cancelled: 0,
}
const NAMES = Object.keys(NONE) as (keyof Counts)[]

/** The sum of two counts. */
export const added = (a: Counts, b: Counts): Counts =>
  Object.fromEntries(NAMES.map((name) => [name, a[name] + b[name]])) as unknown as Counts

// Parties of nine and more are counted together.
const LARGEST = 9
// Longer waits are forgotten guests.
const LONGEST_WAIT = 480

/** Counts one visit. `isStayCounted`: whether its stay is one that can be true. */
export function countsOf(visit: Visit, isStayCounted: boolean): Counts {
  const { hasSat, stay, wait, partySize } = visit
  if (!hasSat) return lossOf(visit)
  const log = stay !== null && isStayCounted ? Math.log(stay) : null
  return {
    ...NONE,
    parties: 1,
    covers: partySize,
    reserved: visit.hasReserved ? 1 : 0,
    ...(log !== null && { stays: 1, stayMinutes: stay!, stayLogs: log, staySquares: log ** 2 }),
    ...(log === null && stay !== null && { oddStays: 1 }),
    ...(isWait(wait) && { waits: 1, waitMinutes: wait }),
    ...quoteOf(visit),
  }
}

const isWait = (wait: number | null): wait is number => wait !== null && wait >= 0 && wait <= LONGEST_WAIT

/** A party that never sat down: it did not come, it left, or it cancelled before it came. */
function lossOf({ status, endReason, hasCome, hasReserved }: Visit): Counts {
  const hasLeft = endReason === 'left' || (!hasReserved && endReason !== null)
  if (status === 'no_show' && !hasLeft) return { ...NONE, noShows: 1 }
  if (status !== 'cancelled' && status !== 'no_show') return NONE
  const isWalkAway = hasLeft || (hasCome && endReason === null)
  return { ...NONE, ...(isWalkAway ? { walkAways: 1 } : { cancelled: 1 }) }
}

/** What a party was quoted, against how long it waited. */
function quoteOf({ quotedFrom, quotedTo, waitAfterQuote, firstQuotedTo, wait }: Visit): Partial<Counts> {
  if (quotedFrom === null || quotedTo === null || !isWait(waitAfterQuote)) return {}
  const middle = (quotedFrom + quotedTo) / 2
  return {
    quotes: 1,
    quoteMinutes: middle,
    quoteWaits: waitAfterQuote,
    quoteErrors: Math.abs(waitAfterQuote - middle),
    early: waitAfterQuote < quotedFrom ? 1 : 0,
    late: waitAfterQuote > quotedTo ? 1 : 0,
    brokenPromises: isWait(wait) && firstQuotedTo !== null && wait > firstQuotedTo ? 1 : 0,
  }
}

/** The visits by day, half hour and party size. `isCounted`: of the stay of each visit. */
export function slotsOf(visits: readonly Visit[], isCounted: readonly boolean[]): Slot[] {
  const slots = new Map<string, Slot>()
  for (const [index, visit] of visits.entries()) {
    const size = Math.min(visit.partySize, LARGEST)
    const key = `${visit.day} ${visit.slot} ${size}`
    const before = slots.get(key) ?? NONE
    slots.set(key, { day: visit.day, slot: visit.slot, size, ...added(before, countsOf(visit, isCounted[index]!)) })
  }
  return [...slots.values()]
}

/** The sums of some counts by a key, in the order in which the keys come first. */
export function summedBy<K, S extends Counts>(slots: readonly S[], key: (slot: S) => K): Map<K, Counts> {
  const sums = new Map<K, Counts>()
  for (const slot of slots) sums.set(key(slot), added(sums.get(key(slot)) ?? NONE, slot))
  return sums
}

/** A day moved by whole days. */
export const plusDays = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)

/** The days from one to another. */
export const daysBetween = (from: string, to: string): number =>
  (Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000

/** The time of a half hour as a clock on the wall shows it: `18:30`. */
export const timeOfSlot = (slot: number): string =>
  `${String(Math.floor(slot / 2)).padStart(2, '0')}:${slot % 2 === 0 ? '00' : '30'}`

/** The half hours of a service day that begins in the half hour `first`. */
export const slotsFrom = (first: number): number[] => Array.from({ length: 48 }, (_, n) => (n + first) % 48)

/** A quotient rounded to a tenth, or null where nothing was counted. */
export const mean = (sum: number, n: number): number | null => (n === 0 ? null : Math.round((sum / n) * 10) / 10)

/** A share from 0 to 1, rounded to a thousandth, or null where nothing was counted. */
export const share = (part: number, all: number): number | null =>
  all === 0 ? null : Math.round((part / all) * 1000) / 1000

/** What the log says of a table at a moment. `at` is in milliseconds. */
export interface TableMoment {
  readonly tableId: string
  readonly at: number
  readonly day: string
  readonly isOccupied: boolean
  readonly partyId: string | null
  readonly number: string
  readonly seats: number
  readonly section: string | null
}

/** What a table was used for on a service day. */
export interface TableDay {
  readonly day: string
  readonly tableId: string
  readonly number: string
  readonly seats: number
  readonly section: string | null
  readonly parties: number
  readonly minutes: number
}

// A table that nobody cleared was not in use all night.
const LONGEST_USE = 240

/**
 * The use of tables by day, from what the log says of them in its order. A table that is occupied at the end is so until
 * `end`, in milliseconds; one use counts four hours at most, on the day on which it began.
 */
export function tableDaysOf(moments: readonly TableMoment[], end: number): TableDay[] {
  const days = new Map<string, TableDay>()
  const open = new Map<string, TableMoment>()
  const add = (moment: TableMoment, parties: number, minutes: number) => {
    const { day, tableId, number, seats, section } = moment
    const before = days.get(`${day} ${tableId}`) ?? { parties: 0, minutes: 0 }
    const sums = { parties: before.parties + parties, minutes: before.minutes + minutes }
    days.set(`${day} ${tableId}`, { day, tableId, number, seats, section, ...sums })
  }
  const close = (began: TableMoment, at: number) => add(began, 1, Math.min((at - began.at) / 60_000, LONGEST_USE))
  for (const moment of moments) {
    const began = open.get(moment.tableId)
    // Another party at the same table is another use.
    if (began && moment.isOccupied && moment.partyId === began.partyId) continue
    if (began) close(began, moment.at)
    if (moment.isOccupied) open.set(moment.tableId, moment)
    else open.delete(moment.tableId)
  }
  for (const began of open.values()) close(began, end)
  return [...days.values()]
}
