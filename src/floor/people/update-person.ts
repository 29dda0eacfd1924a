import { z } from 'zod'
import { idField, versionField } from '../../platform/fields.ts'
import { command } from '../../changes/command/command.ts'
import { isSame } from '../../changes/command/told.ts'
import { keysOf } from '../../people/contact-keys.ts'
import { birthdayField } from '../../people/fields.ts'
import {
  keysOfPerson,
  lockPeople,
  personEntity,
  personSchema,
  refuseVersion,
  releaseKeys,
  requireKeys,
  savePerson,
  type Person,
} from '../../people/people.ts'
import { summaryOf } from '../../people/rules.ts'
import { sentOf } from '../../changes/rules.ts'
import { lockVisits, storeJoined } from './visits.ts'

/**
 * Changes a person; what is not sent stays. Parties of theirs that are not over show it at once. Throws `AppError`
 * person-not-found (404), version-conflict, person-exists (409). Spec: E1, E2.
 */
export const updatePerson = command({
  name: 'update-person',
  summary: 'Change a person of the guest book',
  method: 'PATCH',
  path: '/people/:personId',
  role: 'host',
  inBatch: false,
  budget: [8, 4],
  input: z.strictObject({
    personId: idField,
    ...personEntity.edited,
    birthday: birthdayField.optional(),
    version: versionField,
  }),
  answer: personSchema,
  async run(w, { personId, version, ...change }): Promise<Person> {
    const [before] = (await lockPeople(w, [personId])) as [Person]
    refuseVersion(before, version)
    const changed = { ...before, ...sentOf(change) }
    if (isSame(before, changed)) return before
    const had = await keysOfPerson(w.tx, w.restaurantId, personId)
    const [was, is] = [keysOf(before), keysOf(changed)]
    const gone = was.filter((key) => !is.includes(key))
    const fresh = is.filter((key) => !had.includes(key))
    releaseKeys(w, personId, gone)
    await requireKeys(w, personId, fresh)
    const person = savePerson(w, changed, [...had.filter((key) => !gone.includes(key)), ...fresh])
    const more = person.earlierVisits - before.earlierVisits
    for (const party of await lockVisits(w, [personId], 'current'))
      void storeJoined(w, party, { personId, person: summaryOf(person, party.person!.visits + more) })
    return person
  },
})
