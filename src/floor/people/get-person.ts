import { z } from 'zod'
import { idField, intField } from '../../platform/fields.ts'
import { query } from '../../changes/query.ts'
import { findPerson, personSchema, refuseUnknown } from '../../people/people.ts'
import { readVisits, visitSchema, visitsOf } from './visits.ts'

/** One person of the guest book with the latest visits. Throws `AppError` person-not-found (404). Spec: E1, E9. */
export const getPerson = query({
  name: 'get-person',
  summary: 'One person of the guest book, with the latest visits',
  path: '/people/:personId',
  role: 'host',
  budget: [7, 2],
  input: z.strictObject({ personId: idField }),
  answer: z.object({
    person: personSchema,
    /** All that ended well, those from before there was a record included. */
    visits: intField(0),
    latest: z.array(visitSchema),
  }),
  async run({ tx, restaurantId, now }, { personId }) {
    const [person, visits, latest] = await Promise.all([
      findPerson(tx, restaurantId, personId),
      visitsOf(tx, restaurantId, [personId], now),
      readVisits(tx, restaurantId, personId),
    ])
    if (!person) return refuseUnknown(personId)
    return { person, visits: visits + person.earlierVisits, latest }
  },
})
