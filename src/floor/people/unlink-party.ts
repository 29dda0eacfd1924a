import { z } from 'zod'
import { idField } from '../../platform/fields.ts'
import { command } from '../../changes/command/command.ts'
import { lockPeople } from '../../people/people.ts'
import { NOBODY } from '../../people/rules.ts'
import { linkedAnswer } from './link-party.ts'
import { lockParty, storeJoined } from './visits.ts'

/**
 * Says that a guest or reservation is no visit of a person. Where it is none, nothing changes. Throws `AppError`
 * person-not-found, guest-not-found (404). Spec: E6.
 */
export const unlinkParty = command({
  name: 'unlink-party',
  summary: 'Say that a guest or reservation is no visit of this person',
  method: 'DELETE',
  path: '/people/:personId/parties/:partyId',
  role: 'host',
  inBatch: false,
  budget: [8, 4],
  input: z.strictObject({ personId: idField, partyId: idField }),
  answer: linkedAnswer,
  async run(w, { personId, partyId }) {
    await lockPeople(w, [personId])
    const party = await lockParty(w, partyId)
    if (party.personId !== personId) return { partyId, personId: party.personId }
    await storeJoined(w, party, NOBODY)
    return { partyId, personId: null }
  },
})
