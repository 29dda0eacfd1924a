import { instantOfMicros, type Instant } from '../../platform/clock.ts'

export { isTimeZone as isZone } from '../../settings/hours/rules.ts'

/** Times of the old database: text without a zone, of UTC or of its server's zone. */

const FORM =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(?:(Z|UTC)|([+-])(\d\d)(?::?(\d\d))?)?$/
const DAY = 86_400_000
const QUARTER = 900_000
// Quarters of an hour that are remembered for a zone: years of them.
const REMEMBERED = 200_000

/** Turns a time of a zone's clocks into an instant; knows the zone's history. */
export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat | null
  readonly #offsets = new Map<number, number>()

  constructor(name: string) {
    this.name = name
    const isUtc = /^(Etc\/)?(UTC|GMT|UCT|Zulu|Universal)$/i.test(name)
    const numeric = 'numeric' as const
    const parts = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric }
    this.#format = isUtc
      ? null
      : new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', era: 'short', ...parts })
  }

  /**
   * The instant when the zone's clocks show `local` (milliseconds as if it were UTC). Of an hour that came twice the second
   * is meant, and an hour that was left out is counted on from before: as PostgreSQL has it.
   */
  toUtc(local: number): number {
    if (!this.#format) return local
    const before = this.#offset(local - DAY)
    const after = this.#offset(local + DAY)
    if (before === after) return local - before
    const holds = (offset: number) => this.#offset(local - offset) === offset
    return holds(after) ? local - after : local - before
  }

  #offset(utc: number): number {
    const quarter = Math.floor(utc / QUARTER)
    const known = this.#offsets.get(quarter)
    if (known !== undefined) return known
    const at = new Date(quarter * QUARTER)
    const parts = new Map(this.#format!.formatToParts(at).map(({ type, value }) => [type, value]))
    const part = (name: Intl.DateTimeFormatPartTypes) => Number(parts.get(name))
    const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
    const offset = shown - at.getTime()
    if (this.#offsets.size >= REMEMBERED) this.#offsets.clear()
    this.#offsets.set(quarter, offset)
    return offset
  }
}

/** A time as the old database writes it, to an instant; undefined when it is none. A zone in the text counts before `zone`. */
export function instantIn(zone: Zone, text: string): Instant | undefined {
  const m = FORM.exec(text.trim())
  if (!m) return undefined
  const [year, month, day, hour, minute, second] = m.slice(1, 7).map((part) => Number(part ?? 0))
  const fraction = Number((m[7] ?? '').padEnd(6, '0').slice(0, 6))
  const local = new Date(0)
  local.setUTCFullYear(year!, month! - 1, day)
  local.setUTCHours(hour!, minute, second)
  if (
    year! < 1 ||
    local.getUTCMonth() !== month! - 1 ||
    local.getUTCDate() !== day ||
    hour! > 23 ||
    minute! > 59 ||
    second! > 59
  )
    return undefined
  const minutes = Number(m[10] ?? 0) * 60 + Number(m[11] ?? 0)
  const utc = m[8]
    ? local.getTime()
    : m[9]
      ? local.getTime() - (m[9] === '-' ? -1 : 1) * minutes * 60_000
      : zone.toUtc(local.getTime())
  const first = new Date(Math.max(utc, -62_135_596_800_000))
  if (first.getUTCFullYear() > 9999) return undefined
  return instantOfMicros(first.getTime() * 1000).replace(
    /\.\d{6}Z$/,
    `.${String(fraction).padStart(6, '0')}Z`,
  ) as Instant
}
