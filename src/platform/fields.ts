import { z } from 'zod'
import { isInstant, type Instant } from './clock.ts'

/** An id in input: a UUID in lower case. */
export const idField = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID in lower case')
  .meta({ description: 'UUID, lower case' })

/** Text of limited length (in characters) that PostgreSQL can store: no NUL, no lone surrogate. */
export const textField = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\u0000\ud800-\udfff]*$/u, 'must not contain NUL or unpaired surrogates')

/** A 32-bit whole number. */
export const intField = (min: number, max = 2_147_483_647) => z.int().min(min).max(max)

/** A calendar day. PostgreSQL has no year 0. */
export const dayField = z.iso.date().refine((day) => !day.startsWith('0000'), 'must be a day of the years 1 to 9999')

/** An instant in input: ISO 8601 in UTC, up to six digits of a second. */
export const instantField = z.iso.datetime().transform((text, ctx): Instant => {
  const m = /^(.{16})(:\d\d)?(?:\.(\d+))?Z$/.exec(text)
  const instant = m ? `${m[1]}${m[2] ?? ':00'}.${(m[3] ?? '').padEnd(6, '0').slice(0, 6)}Z` : ''
  if (isInstant(instant) && !instant.startsWith('0000')) return instant
  ctx.addIssue('must be a time in UTC')
  return z.NEVER
})

/** An instant in output: always with six digits, always in UTC. */
export const sentInstant = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  .meta({ description: 'UTC, with microseconds (six digits)' }) as unknown as z.ZodType<Instant>

/** The version that the client saw; refused with 409 when the entity has moved on. */
export const versionField = intField(1)
  .meta({
    description: 'The version that the client saw. The command is refused with 409 when the entity has a newer one',
  })
  .optional()

/** An e-mail address to store. Only its form is checked; whether it exists shows when someone writes to it. */
export const emailField = z
  .string()
  .max(254)
  .regex(/^[^\s@\u0000-\u001f\ud800-\udfff]+@[^\s@\u0000-\u001f\ud800-\udfff]+$/u, 'must be an e-mail address')
  .meta({ format: 'email' })
