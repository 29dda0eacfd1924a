import { z } from 'zod'
import { command } from '../changes/command/command.ts'
import { keysOf } from './contact-keys.ts'
import { birthdayField } from './fields.ts'
import { personEntity, personSchema, requireKeys, storePerson, type Person } from './people.ts'

/**
 * Adds a person to the guest book. Throws `AppError` person-exists (409) where somebody has the phone or e-mail. Spec: E1,
 * E2.
 */
export const addPerson = command({
  name: 'add-person',
  summary: 'Add a person to the guest book',
  method: 'POST',
  path: '/people',
  role: 'host',
  inBatch: false,
  budget: [5, 1],
  input: z.strictObject({ ...personEntity.added, birthday: birthdayField.default(null) }),
  answer: personSchema,
  async run(w, made): Promise<Person> {
    const person = { id: w.newId(), ...made, version: 1, createdAt: w.now, updatedAt: w.now }
    const keys = keysOf(person)
    storePerson(w, person, keys)
    await requireKeys(w, person.id, keys)
    return person
  },
})
