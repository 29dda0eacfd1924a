import type { Instant } from '../platform/clock.ts'
import { notFound, sentOf, versionConflict, type EntityEffect, type Refusal } from '../changes/rules.ts'
import { CLOCK_TIME, isTimeZone, minutesFrom, periodAt, WEEKDAYS, type DailyHours, type Hours } from './hours/rules.ts'

/**
 * What a restaurant's settings say, and which of them are refused. Pure. The server, the client and the web share this
 * file.
 */

/** How the clocks are shown. */
export const CLOCKS = ['h12', 'h24'] as const

/** Who may join the waitlist by themselves: nobody, whoever has the code at the door, or anyone. */
export const SELF_JOIN = ['nobody', 'code', 'anyone'] as const

/** How long parties up to a size should take, in minutes from being seated. */
export interface TurnTarget {
  readonly upTo: number
  readonly minutes: number
}

/** The part of the settings that rules look at. */
export interface SettingsState extends Hours {
  readonly id: string
  readonly version: number
  readonly locale: string
  readonly currency: string
  readonly turnTargets: readonly TurnTarget[]
  readonly quoteRoundingMinutes: number
  readonly graceMinutes: number
  readonly guestRetentionDays: number | null
  readonly coversPerQuarter: number | null
}

// The largest numbers that make sense.
const MOST = { quoteRoundingMinutes: 60, graceMinutes: 1_440, guestRetentionDays: 36_500, coversPerQuarter: 10_000 }

/** What is wanted of the settings, and the version that the manager saw. */
type SettingsChange = { readonly [K in keyof Omit<SettingsState, 'id'>]?: SettingsState[K] | undefined }

/** The settings change. What is not sent stays. Spec: Z1, Z5. */
export function decideUpdateSettings(
  settings: SettingsState | undefined,
  { version, ...facts }: SettingsChange,
): Refusal | EntityEffect<'settings'> {
  if (!settings) return notFound('settings', '')
  if (version !== undefined && version !== settings.version) return versionConflict('settings', settings)
  const set = sentOf(facts)
  return refuseSettings({ ...settings, ...set }) ?? { kind: 'settings', id: settings.id, set }
}

/** Refuses settings that contradict themselves, or name what is not there. */
function refuseSettings(settings: SettingsState): Refusal | null {
  const { timeZone, locale, currency, dayStart, turnTargets } = settings
  for (const [field, most] of Object.entries(MOST))
    if ((settings[field as keyof typeof MOST] ?? 0) > most) return refusal(field, `${field} is at most ${most}`)
  if (!isTimeZone(timeZone))
    return refusal('timeZone', `There is no time zone ${timeZone}; an example is Europe/Berlin`)
  if (!isLocale(locale)) return refusal('locale', `There is no language ${locale}; examples are en and de-AT`)
  if (!/^[A-Z]{3}$/.test(currency)) return refusal('currency', 'A currency has three letters, such as EUR')
  if (!CLOCK_TIME.test(dayStart)) return refusal('dayStart', 'A day begins at a time such as 04:00')
  if (turnTargets.some(({ upTo }, n) => n > 0 && upTo <= turnTargets[n - 1]!.upTo))
    return refusal('turnTargets', 'Turn times must be in the order of party sizes, each size once')
  return refusePeriods(settings)
}

const refusal = (field: string, message: string): Refusal => ({
  code: 'invalid-settings',
  status: 422,
  message,
  details: { field },
})

function isLocale(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name).length === 1
  } catch {
    return false
  }
}

/** Refuses periods that overlap: at most one is on at a time. */
function refusePeriods({ servicePeriods, specialDays, dayStart }: SettingsState): Refusal | null {
  for (const day of WEEKDAYS) {
    const pair = overlapOf(
      servicePeriods.filter(({ days }) => days.includes(day)),
      dayStart,
    )
    if (pair) return refusal('servicePeriods', `${pair} overlap on ${day}`)
  }
  for (const [n, { date, periods }] of specialDays.entries()) {
    const pair = overlapOf(periods, dayStart)
    if (pair) return refusal('specialDays', `${pair} overlap on ${date}`)
    if (specialDays.findIndex((each) => each.date === date) < n) return refusal('specialDays', `${date} is there twice`)
  }
  return null
}

/** Two of a day's periods that overlap, by name. */
function overlapOf(periods: readonly (DailyHours & { readonly name: string })[], dayStart: string): string | null {
  const inOrder = periods
    .map((period) => ({ name: period.name, span: minutesFrom(period, dayStart) }))
    .toSorted((a, b) => a.span[0] - b.span[0])
  const n = inOrder.findIndex(({ span }, i) => i > 0 && span[0] < inOrder[i - 1]!.span[1])
  return n < 0 ? null : `${inOrder[n - 1]!.name} and ${inOrder[n]!.name}`
}

/** How long a party should take, in minutes; null where the restaurant has no targets. */
export const turnTarget = (partySize: number, { turnTargets }: Pick<SettingsState, 'turnTargets'>): number | null =>
  (turnTargets.find(({ upTo }) => partySize <= upTo) ?? turnTargets.at(-1))?.minutes ?? null

/** A quote in minutes as it is told: never less than it is. */
export const roundedQuote = (
  minutes: number,
  { quoteRoundingMinutes: step }: Pick<SettingsState, 'quoteRoundingMinutes'>,
): number => Math.ceil(minutes / step) * step

/** Covers that may arrive in the quarter of an hour at an instant; null: no limit. A period's own limit counts first. */
export const pacingAt = (instant: Instant, settings: SettingsState): number | null =>
  periodAt(instant, settings)?.coversPerQuarter ?? settings.coversPerQuarter
