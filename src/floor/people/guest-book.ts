import { addPerson } from '../../people/add-person.ts'
import { findPeople } from '../../people/find-people.ts'
import { erasePerson } from './erase-person.ts'
import { exportPerson } from './export-person.ts'
import { getPerson } from './get-person.ts'
import { linkParty } from './link-party.ts'
import { mergePeople } from './merge-people.ts'
import { unlinkParty } from './unlink-party.ts'
import { unmergePeople } from './unmerge-people.ts'
import { updatePerson } from './update-person.ts'

/** The list of what is done with people. Devices show none of it but on parties, so `floor/nouns.ts` has none of it. */

/** Every command of the guest book. */
export const peopleCommands = [
  addPerson,
  updatePerson,
  linkParty,
  unlinkParty,
  mergePeople,
  unmergePeople,
  erasePerson,
] as const

/** Every query of the guest book. */
export const peopleQueries = [findPeople, getPerson, exportPerson] as const
