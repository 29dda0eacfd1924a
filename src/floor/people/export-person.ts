import { z } from 'zod'
import { statement } from '../../platform/database/db.ts'
import { idField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { query } from '../../changes/query.ts'
import { guestEntity, guestSchema, type Guest } from '../../guests/guests.ts'
import {
  findPerson,
  keysOfPerson,
  personEntity,
  personSchema,
  refuseUnknown,
  type Person,
} from '../../people/people.ts'
import { reservationEntity, reservationSchema, type Reservation } from '../../reservations/reservations.ts'

const readParts = statement(
  'parts-of-person',
  `with recursive parts as (
     select id from people where restaurant_id = $1 and merged_into = $2
     union all
     select p.id from parts join people p on p.restaurant_id = $1 and p.merged_into = parts.id)
   select ${personEntity.columns} from people where restaurant_id = $1 and id in (select id from parts) order by id`,
)

const exportOf = (table: string, columns: string): string =>
  `select ${columns} from ${table} where restaurant_id = $1 and person_id = $2 order by created_at desc, id desc limit $3`

const exportGuests = statement('export-guests', exportOf('guests', guestEntity.columns))
const exportReservations = statement('export-reservations', exportOf('reservations', reservationEntity.columns))

/** Everything that is stored of a person, for whoever asks for their data. Throws `AppError` person-not-found (404). Spec: E8. */
export const exportPerson = query({
  name: 'export-person',
  summary: 'Everything that is stored of a person',
  path: '/people/:personId/export',
  role: 'manager',
  budget: [9, 2],
  input: z.strictObject({ personId: idField }),
  answer: z.object({
    person: personSchema,
    /** The phones and e-mails that the person is known by. */
    keys: z.array(z.string()),
    /** Who was merged into the person. */
    merged: z.array(personSchema),
    guests: z.array(guestSchema),
    reservations: z.array(reservationSchema),
  }),
  async run({ tx, restaurantId }, { personId }) {
    const values = [restaurantId, personId, limits.exportedVisits]
    const [person, keys, merged, guests, reservations] = await Promise.all([
      findPerson(tx, restaurantId, personId),
      keysOfPerson(tx, restaurantId, personId),
      tx.all<Person>(readParts, [restaurantId, personId]),
      tx.all<Guest>(exportGuests, values),
      tx.all<Reservation>(exportReservations, values),
    ])
    if (!person) return refuseUnknown(personId)
    return { person, keys, merged, guests, reservations }
  },
})
