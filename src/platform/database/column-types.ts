import pg from 'pg'
import { assert } from '../errors.ts'
import { type Instant, isInstant } from '../clock.ts'

/** Parsers of column values where the driver's own do not suffice, by the oid of the type. */
export const parsers = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, (text) => safeInteger(text)],
  [pg.types.builtins.TIMESTAMPTZ, (text) => parseTimestamp(text)],
])

function safeInteger(text: string): number {
  const value = Number(text)
  assert(Number.isSafeInteger(value), `bigint ${text} is beyond 2^53`)
  return value
}

/**
 * Parses PostgreSQL's text of a timestamptz (`2026-11-23 18:00:00.12+00`) as an instant. Every transaction works in
 * UTC.
 */
export function parseTimestamp(text: string): Instant {
  const m = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text)
  const instant = m ? `${m[1]}T${m[2]}.${(m[3] ?? '').padEnd(6, '0')}Z` : ''
  assert(isInstant(instant), `unexpected timestamp ${text}`)
  return instant
}
