import { z } from 'zod'
import { choice, fact, flag, integer, nullable, shape, text } from '../platform/field.ts'
import { dayField, intField, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { CLOCK_TIME, WEEKDAYS } from './hours/rules.ts'
import { CLOCKS, SELF_JOIN } from './rules.ts'

const clockTime = z
  .string()
  .regex(CLOCK_TIME, 'must be a time such as 18:30')
  .meta({ description: "A time of the restaurant's clocks, hours and minutes" })
const period = {
  name: textField(limits.periodNameCharacters),
  from: clockTime,
  to: clockTime,
  coversPerQuarter: intField(0, limits.coversPerQuarter).nullable(),
}
const periods = z.array(z.strictObject(period)).max(limits.servicePeriods)
const turnTarget = z.strictObject({ upTo: intField(1), minutes: intField(1, limits.turnMinutes) })

// Published by a vendor for dinners of 2, 4, 6 and 8.
const TURN_TARGETS = [
  { upTo: 2, minutes: 50 },
  { upTo: 4, minutes: 65 },
  { upTo: 6, minutes: 80 },
  { upTo: 8, minutes: 95 },
]

/** The settings of a restaurant. Minutes are whole; times are those of the restaurant's own clocks. */
export const settingsFields = {
  name: fact(text(255)),
  /** A name of the IANA database. */
  timeZone: fact(text(100), 'UTC'),
  /** BCP 47. */
  locale: fact(text(35), 'en'),
  clock: fact(choice(CLOCKS), 'h24'),
  /** ISO 4217. */
  currency: fact(text(3), 'EUR'),
  /** When a service day begins: what comes before it belongs to the night of the day before. */
  dayStart: fact(text(5), '00:00'),
  servicePeriods: fact(
    shape(z.array(z.strictObject({ ...period, days: z.array(z.enum(WEEKDAYS)).max(7) })).max(limits.servicePeriods)),
    [],
  ),
  /** Dates with hours of their own; without periods the restaurant is closed. */
  specialDays: fact(
    shape(
      z
        .array(z.strictObject({ date: dayField, name: textField(limits.periodNameCharacters), periods }))
        .max(limits.specialDays),
    ),
    [],
  ),
  turnTargets: fact(shape(z.array(turnTarget).max(limits.turnTargets)), TURN_TARGETS),
  quoteRoundingMinutes: fact(integer(1), 5),
  /** How long a called party has until its table may go to another. */
  graceMinutes: fact(integer(0), 10),
  selfJoin: fact(choice(SELF_JOIN), 'nobody'),
  /** Days that what is known of a guest is kept after the last visit; null: for ever. */
  guestRetentionDays: fact(nullable(integer(1)), null),
  /** Covers that may arrive in a quarter of an hour; null: no limit. */
  coversPerQuarter: fact(nullable(integer(0)), null),
  /** Whether people may identify themselves by PIN on a device that is offline. */
  offlinePin: fact(flag(), false),
  /** When no guest gets a message. */
  quietHours: fact(nullable(shape(z.strictObject({ from: clockTime, to: clockTime }))), null),
}
