import { z } from 'zod'
import { fact, flag, id, instant, integer, nullable, shape, text, texts } from '../platform/field.ts'
import { intField, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'

/** A person of the guest book. */
export const personFields = {
  firstName: fact(text(100), ''),
  lastName: fact(text(100), ''),
  phone: fact(nullable(text(20)), null),
  email: fact(nullable(text(255)), null),
  isVip: fact(flag(), false),
  tags: fact(texts(limits.personTagCharacters, limits.personTags), []),
  dietaryNeeds: fact(texts(limits.dietaryRestrictionCharacters, limits.dietaryRestrictions), []),
  allergies: fact(texts(limits.dietaryRestrictionCharacters, limits.dietaryRestrictions), []),
  seatingPreference: fact(nullable(text(200)), null),
  /** `1990-05-20`, or `05-20` where the year is not known. */
  birthday: fact(nullable(text(10)), null),
  notes: fact(nullable(text(limits.noteCharacters)), null),
  /** When the person agreed to be remembered and written to. */
  consentAt: fact(nullable(instant()), null),
  /** Visits from before there was a record of each. */
  earlierVisits: fact(integer(0), 0),
}

/** A birthday in input. */
export const birthdayField = z
  .string()
  .regex(/^(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'must be a day such as 1990-05-20 or 05-20')
  .nullable()

/** What a party on the floor carries of the person whose visit it is. Commands set it. */
export const joinedFields = {
  /** The person of the guest book; null where nobody knows. */
  personId: nullable(id()),
  /** What the floor shows of that person. `visits`: those that ended well, an hour before or earlier. */
  person: nullable(
    shape(
      z
        .object({
          isVip: z.boolean(),
          tags: z.array(textField(limits.personTagCharacters)).max(limits.personTags),
          allergies: z.array(textField(limits.dietaryRestrictionCharacters)).max(limits.dietaryRestrictions),
          seatingPreference: textField(200).nullable(),
          visits: intField(0),
        })
        .meta({ id: 'PersonSummary' }),
    ),
  ),
}
