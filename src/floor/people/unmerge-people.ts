import { z } from 'zod'
import { idField, versionField } from '../../platform/fields.ts'
import { command, type Write } from '../../changes/command/command.ts'
import {
  factsOfPerson,
  keysOfPerson,
  lockPeople,
  personSchema,
  refuseVersion,
  savePerson,
  type Person,
} from '../../people/people.ts'
import { summaryOf, unmergedFacts } from '../../people/rules.ts'
import { forgetMerge, lockAbsorbedPerson, newestMerge, release, takeKeys, type MergeRecord } from './merges.ts'
import { lockParties, lockVisits, storeJoined } from './visits.ts'

/**
 * Undoes the newest merge into a person: both are as they were, with their keys and visits. What somebody changed since, and
 * visits that came since, stay with the person that stayed. Where nobody was merged, nothing changes. Throws `AppError`
 * person-not-found (404), version-conflict (409). Spec: E5.
 */
export const unmergePeople = command({
  name: 'unmerge-people',
  summary: 'Undo the newest merge into a person',
  method: 'POST',
  path: '/people/:personId/unmerge',
  role: 'manager',
  inBatch: false,
  budget: [15, 7],
  input: z.strictObject({ personId: idField, version: versionField }),
  answer: z.object({ person: personSchema, other: personSchema.nullable() }),
  async run(w, { personId, version }): Promise<{ person: Person; other: Person | null }> {
    const [kept] = (await lockPeople(w, [personId])) as [Person]
    refuseVersion(kept, version)
    const merge = await newestMerge(w, personId)
    if (!merge) return { person: kept, other: null }
    const { absorbedId, record } = merge
    const absorbed = await lockAbsorbedPerson(w, absorbedId, personId)
    release(w, absorbedId)
    const keys = await takeKeys(w, personId, absorbedId, record.keys)
    const own = await keysOfPerson(w.tx, w.restaurantId, personId)
    const facts = unmergedFacts(factsOfPerson(kept), record.after, record.before)
    const people = [{ ...kept, ...facts }, absorbed] as const
    await returnVisits(w, record, people)
    forgetMerge(w, merge.id)
    return { person: savePerson(w, people[0], own), other: savePerson(w, absorbed, keys) }
  },
})

/** Gives each party back to whom it was of, if it still is of the person that stayed. */
async function returnVisits(w: Write, { parties }: MergeRecord, people: readonly [Person, Person]): Promise<void> {
  const [{ id: keptId }] = people
  const current = await lockVisits(w, [keptId], 'current')
  const moved = await lockParties(
    w,
    parties.map(({ id }) => id),
  )
  const due = new Map([...current, ...moved].map((party) => [party.id, party]))
  for (const party of due.values()) {
    if (party.personId !== keptId) continue
    const was = parties.find(({ id }) => id === party.id) ?? party
    const person = people.find(({ id }) => id === was.personId)!
    // One that is not over shows the facts as they are now.
    const shown = party.endedAt === null ? summaryOf(person, was.person!.visits) : was.person
    void storeJoined(w, party, { personId: person.id, person: shown })
  }
}
