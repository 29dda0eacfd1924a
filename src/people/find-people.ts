import { z } from 'zod'
import { intField, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { query } from '../changes/query.ts'
import { emailKey } from './contact-keys.ts'
import { findByKeys, personSchema, searchPeople, type Person } from './people.ts'
import { wantedOf } from './search-text.ts'

/**
 * People by any part of a name or phone number, or by a whole e-mail address. Those that changed last come first. Spec: E4.
 */
export const findPeople = query({
  name: 'find-people',
  summary: 'People by any part of a name or phone number, or by e-mail',
  path: '/people',
  role: 'host',
  budget: [5, 2],
  input: z.strictObject({
    search: textField(limits.searchCharacters),
    limit: z.coerce.number().pipe(intField(1, limits.peopleFound)).default(20),
  }),
  answer: z.array(personSchema),
  async run({ tx, restaurantId }, { search, limit }): Promise<Person[]> {
    const key = emailKey(search)
    if (key !== null) return findByKeys(tx, restaurantId, [key])
    const wanted = wantedOf(restaurantId, search)
    return wanted === null ? [] : searchPeople(tx, restaurantId, wanted, limit)
  },
})
