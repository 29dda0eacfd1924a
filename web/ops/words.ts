/** How figures are written. */

export type Unit = 'per-second' | 'seconds' | 'count' | 'share' | 'bytes' | 'cores'

const NONE = '–'
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** Three digits that count, no more. */
function short(value: number): string {
  if (value === 0) return '0'
  if (value >= 100_000_000) return `${whole.format(value / 1_000_000)} M`
  if (value >= 100_000) return `${whole.format(value / 1_000)} k`
  if (value >= 100) return whole.format(value)
  if (value >= 10) return trimmed(value.toFixed(1))
  if (value >= 0.005) return trimmed(value.toFixed(2))
  return '< 0.01'
}
/** Without zeros at its end that say nothing. */
const trimmed = (text: string) => String(Number(text))

/** A time: `850 µs`, `12.3 ms`, `2.1 s`. */
export function time(seconds: number | null): string {
  if (seconds === null) return NONE
  if (seconds === 0) return '0 ms'
  if (seconds < 0.001) return `${short(seconds * 1e6)} µs`
  if (seconds < 1) return `${short(seconds * 1e3)} ms`
  return `${short(seconds)} s`
}

/** A long time: `3 d 4 h`, `12 min`. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1) return `${Math.floor(seconds)} s`
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** Bytes: `12.4 MB`. */
function bytes(value: number): string {
  if (value < 1e6) return `${short(value / 1e3)} kB`
  return value < 1e9 ? `${short(value / 1e6)} MB` : `${short(value / 1e9)} GB`
}

/** A whole number with separators. */
export const count = (value: number): string => whole.format(value)

/** A time of day. */
export const clock = (at: number): string => new Date(at).toLocaleTimeString('en-GB')

const writers: Readonly<Record<Unit, (value: number) => string>> = {
  'per-second': (value) => `${short(value)}/s`,
  seconds: time,
  count: short,
  share: (value) => `${trimmed((value * 100).toFixed(value > 0.99 && value < 1 ? 2 : 1))} %`,
  bytes,
  cores: (value) => `${trimmed((value * 100).toFixed(value < 0.1 ? 1 : 0))} %`,
}

/** A value in its unit. */
export const written = (value: number | null, unit: Unit): string => (value === null ? NONE : writers[unit](value))
