import { z } from 'zod'
import { idField, sentInstant, intField } from '../platform/fields.ts'
import { query } from '../changes/query.ts'
import { servedGuests } from '../guests/guests.ts'
import { servedReservations } from '../reservations/reservations.ts'
import { readSettings } from '../settings/settings.ts'
import { ABSENCES, countsSince, REASONS, rotation } from '../sections/rotation/rules.ts'
import { servers } from '../sections/sections.ts'

const turn = z.object({
  serverId: idField,
  place: intField(1).nullable().meta({ description: 'From 1, the next one; null for whoever gets nobody' }),
  reason: z.enum(REASONS).nullable().meta({ description: 'What decided between this server and the one behind' }),
  absence: z.enum(ABSENCES).nullable().meta({ description: 'Why this server gets nobody' }),
  isSkipped: z.boolean(),
  covers: intField(0),
  parties: intField(0),
  lastSeatedAt: sentInstant.nullable(),
  load: z.number().meta({ description: 'What is compared: covers, with the weight of large parties' }),
})

const answer = z.object({
  since: sentInstant.meta({ description: 'Parties that were seated from here on count' }),
  turns: z.array(turn),
})

/**
 * Which server is next and why, with what each got since the service period began, or the day where no period is on. A
 * device makes the same answer of its own floor, by the same rules. Spec: Y16.
 */
export const getRotation = query({
  name: 'get-rotation',
  summary: 'Which server gets the next party and why; covers and parties of each in this service period',
  path: '/rotation',
  role: 'host',
  budget: [8, 3],
  input: z.strictObject({}),
  answer,
  async run({ tx, restaurantId, now }): Promise<z.output<typeof answer>> {
    const [settings, all] = await Promise.all([readSettings(tx, restaurantId), servers.all(tx, restaurantId)])
    const since = countsSince(now, settings)
    const [guests, reservations] = await Promise.all([
      servedGuests(tx, restaurantId, since),
      servedReservations(tx, restaurantId, since),
    ])
    return { since, turns: [...rotation(all, [...guests, ...reservations], since)] }
  },
})
