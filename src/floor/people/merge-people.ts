import { z } from 'zod'
import { AppError } from '../../platform/errors.ts'
import { idField, versionField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { command } from '../../changes/command/command.ts'
import {
  factsOfPerson,
  keysOfPerson,
  lockPeople,
  personSchema,
  refuseVersion,
  savePerson,
  type Person,
} from '../../people/people.ts'
import { mergedFacts, summaryOf } from '../../people/rules.ts'
import { absorb, mergesInto, noteMerge, takeKeys } from './merges.ts'
import { lockVisits, storeJoined, visitsOf } from './visits.ts'

const most = {
  tags: limits.personTags,
  needs: limits.dietaryRestrictions,
  noteCharacters: limits.noteCharacters,
}

/**
 * Two people are one: the first keeps its id and takes over the facts, keys and visits of the other. One person is one
 * already. Throws `AppError` person-not-found (404), version-conflict (409), too-large (422). Spec: E5.
 */
export const mergePeople = command({
  name: 'merge-people',
  summary: 'Make two people of the guest book one',
  method: 'POST',
  path: '/people/:personId/merge',
  role: 'manager',
  inBatch: false,
  budget: [14, 6],
  input: z.strictObject({ personId: idField, otherPersonId: idField, version: versionField }),
  answer: personSchema,
  async run(w, { personId, otherPersonId, version }): Promise<Person> {
    const both = [personId, otherPersonId]
    const [kept, other] = (await lockPeople(w, both)) as [Person, Person]
    refuseVersion(kept, version)
    if (personId === otherPersonId) return kept
    if ((await mergesInto(w.tx, w.restaurantId, personId)) >= limits.mergesPerPerson)
      throw new AppError('too-large', 422, `A person may be merged ${limits.mergesPerPerson} times`)
    const [before, visits, own] = await Promise.all([
      Promise.resolve(factsOfPerson(kept)),
      visitsOf(w.tx, w.restaurantId, both, w.now),
      keysOfPerson(w.tx, w.restaurantId, personId),
    ])
    const after = mergedFacts(before, factsOfPerson(other), most)
    // Visits of the person that stays are touched only while they are not over: they show the merged facts.
    const parties = (await lockVisits(w, both, 'all')).filter(
      ({ personId: of, endedAt }) => of === otherPersonId || endedAt === null,
    )
    for (const party of parties) {
      const shown = party.endedAt === null ? summaryOf(after, after.earlierVisits + visits) : party.person
      void storeJoined(w, party, { personId, person: shown })
    }
    const keys = await takeKeys(w, otherPersonId, personId, null)
    absorb(w, otherPersonId, personId)
    const were = parties.map(({ kind, id, personId: of, person }) => ({ kind, id, personId: of, person }))
    noteMerge(w, personId, otherPersonId, { before, after, keys, parties: were })
    return savePerson(w, { ...kept, ...after }, [...own, ...keys])
  },
})
