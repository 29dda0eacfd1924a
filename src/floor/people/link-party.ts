import { z } from 'zod'
import { idField } from '../../platform/fields.ts'
import { command } from '../../changes/command/command.ts'
import { lockPeople, type Person } from '../../people/people.ts'
import { summaryOf } from '../../people/rules.ts'
import { lockParty, storeJoined, visitsOf } from './visits.ts'

/** Whose visit a party is now. */
export const linkedAnswer = z.object({ partyId: idField, personId: idField.nullable() })

/**
 * Says that a guest or reservation is a visit of a person, whatever its phone and e-mail. Throws `AppError`
 * person-not-found, guest-not-found (404). Spec: E6.
 */
export const linkParty = command({
  name: 'link-party',
  summary: 'Say that a guest or reservation is a visit of this person',
  method: 'POST',
  path: '/people/:personId/parties',
  role: 'host',
  inBatch: false,
  budget: [9, 5],
  input: z.strictObject({ personId: idField, partyId: idField }),
  answer: linkedAnswer,
  async run(w, { personId, partyId }) {
    const [person] = (await lockPeople(w, [personId])) as [Person]
    const party = await lockParty(w, partyId)
    if (party.personId !== personId) {
      const visits = person.earlierVisits + (await visitsOf(w.tx, w.restaurantId, [personId], w.now))
      await storeJoined(w, party, { personId, person: summaryOf(person, visits) })
    }
    return { partyId, personId }
  },
})
